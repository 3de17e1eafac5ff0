"""The small set of components every page is made of."""
