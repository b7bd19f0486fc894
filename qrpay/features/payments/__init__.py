"""Scan-to-pay, both ways: a wallet scans a merchant's code, a till scans a customer's; and the receipt of it."""
