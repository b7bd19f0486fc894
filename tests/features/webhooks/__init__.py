"""Tests of qrpay/features/webhooks."""
