"""Giving money back: part or all of a paid order, as often as there is something left, to where it came from."""
