"""One package per outside party."""
