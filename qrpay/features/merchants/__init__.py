"""Merchants: who they are, their stores and terminals, the secrets they call with, what they are owed."""
