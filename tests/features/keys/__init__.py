"""Tests of qrpay/features/keys."""
