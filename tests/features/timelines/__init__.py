"""Timelines: what became of an order, told as it was measured."""
