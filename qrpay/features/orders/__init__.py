"""What is owed: a merchant opens an order, shows its signed code, watches it, closes it for good."""
