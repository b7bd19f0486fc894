"""Customer-presented codes: a phone shows a one-time code, a till scans it and reports, the payment is charged."""
