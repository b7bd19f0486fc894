"""Operators: people of the bank, how they sign in, what they decide, and the log of what they did."""
