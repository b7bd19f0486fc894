"""Tests of qrpay/features, a folder for each."""
