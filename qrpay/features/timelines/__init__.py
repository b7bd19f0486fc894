"""Timelines: what became of an order, step by step, as it was measured and written down at the time."""
