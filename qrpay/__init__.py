"""qrpay: signed QR codes, scan-to-pay, and a ledger that posts each payment once."""

__version__ = "0.1.0"
