"""Makes a believable pharmacy."""
