"""Payment codes, tried through the door and on a real ledger."""
