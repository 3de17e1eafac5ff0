"""What a page shows: scoped selects that return frozen dataclasses and never write."""
