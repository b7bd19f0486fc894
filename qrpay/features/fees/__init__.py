"""Fees: what a merchant pays the bank for its payments, by plans with a first day; taken in their own commit."""
