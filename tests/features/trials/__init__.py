"""Tests of qrpay/features/trials."""
