"""The keys that sign codes, receipts and webhooks: made, published, rotated, revoked."""
