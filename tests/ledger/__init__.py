"""The ledger, engine and oracle alike."""
