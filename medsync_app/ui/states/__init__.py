"""One thin state per page."""
