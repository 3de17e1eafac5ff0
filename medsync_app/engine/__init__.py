"""The background loop that fires what is due."""
