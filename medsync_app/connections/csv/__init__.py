"""Dispensing exports as files: delimited text of any usual kind, and Excel."""
