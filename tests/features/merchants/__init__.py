"""Tests of qrpay/features/merchants."""
