"""Sheets for paper, as PDF files: each module makes one kind from what a read found."""
