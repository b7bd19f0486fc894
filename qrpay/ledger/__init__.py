"""The only code that moves money: accounts, transfers, and the one call that posts them."""
