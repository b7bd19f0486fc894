"""The bank's business calendar."""
