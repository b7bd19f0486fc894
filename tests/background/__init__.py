"""Tests of qrpay/background."""
