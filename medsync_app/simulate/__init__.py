"""Lives months of the programme with the real services and the real loop, and counts what came of it."""
