"""Tests of qrpay/database."""
