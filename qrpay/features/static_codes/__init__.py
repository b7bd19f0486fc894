"""Codes that hang on a wall or stand on a counter: printed, paid again and again, withdrawn."""
