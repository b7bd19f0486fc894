"""Wallet, till and cashier in a real browser, against the real server."""
