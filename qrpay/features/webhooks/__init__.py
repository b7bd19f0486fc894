"""Webhooks: the merchant's own address is called when something happened (Standard Webhooks)."""
