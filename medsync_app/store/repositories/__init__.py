"""Aggregates for writing: the queries that services need."""
