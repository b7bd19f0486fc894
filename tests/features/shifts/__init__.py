"""Shifts of tills."""
