"""Commands: one use case a module, named by a verb, inside the caller's transaction."""
