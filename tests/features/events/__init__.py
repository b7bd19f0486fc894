"""Tests of qrpay/features/events."""
