"""Codes that a terminal signs itself while it has no network: its key certified, its orders paid, adopted, revoked."""
