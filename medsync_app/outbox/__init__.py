"""Every future message, request, task and check is a row with a due time."""
