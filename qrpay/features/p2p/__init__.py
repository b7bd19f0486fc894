"""Customers who pay each other: transfers, requests for money, bills that are split."""
