"""Customers and their e-accounts: opening, PIN, access tokens, top-up, balance and statement."""
