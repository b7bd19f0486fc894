"""Withdrawals: a customer's money goes to the account at another bank that the e-account is bound to."""
