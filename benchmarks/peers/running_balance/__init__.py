"""Entries that each carry the balance after them, by one function in SQL."""
