"""Tests of qrpay/features/onboarding."""
