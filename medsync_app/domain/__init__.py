"""The rules of medication synchronization: pure functions, no input or output, no clock."""
