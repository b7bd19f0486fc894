"""Tests of qrpay/features/e_accounts."""
