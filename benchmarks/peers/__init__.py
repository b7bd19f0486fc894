"""What qrpay is measured beside, each as its own process."""
