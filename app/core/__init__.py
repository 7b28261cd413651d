"""Pure functions and values: no I/O, no framework, nothing of the rest of the house."""
