"""Comparing a merchant's own list with the ledger, by digests."""
