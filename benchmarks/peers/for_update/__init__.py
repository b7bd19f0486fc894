"""A payment as most people write it first."""
