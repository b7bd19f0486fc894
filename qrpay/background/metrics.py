"""What the background is measured by. Only the leader sets these, so the latest value is the true one."""

from typing import Final

from qrpay.measures import Counter, Gauge, Histogram

event_lag_s: Final = Gauge(
    "qrpay_event_lag_seconds",
    "Age of the oldest transfer when it entered the event log, or of the oldest that is held back; 0 when none waits.",
    multiprocess_mode="mostrecent",
)
events_total: Final = Counter("qrpay_events_total", "Events that entered the log.")
consumer_lag_events: Final = Gauge(
    "qrpay_consumer_lag_events",
    "Events that a consumer has not heard yet.",
    ["consumer"],
    multiprocess_mode="mostrecent",
)
job_failures_total: Final = Counter(
    "qrpay_background_failures_total", "Rounds of a background loop that failed.", ["name"]
)
ledger_sealed_total: Final = Counter("qrpay_ledger_sealed_total", "Transfers that were put under a seal.")
ledger_discrepancies: Final = Gauge(
    "qrpay_ledger_discrepancies",
    "Accounts whose counters are not the sums of their transfers; anything but 0 is an alarm.",
    multiprocess_mode="mostrecent",
)
ledger_audit_findings: Final = Gauge(
    "qrpay_ledger_audit_findings",
    "What the last full audit found; anything but 0 is an alarm.",
    multiprocess_mode="mostrecent",
)
ledger_audited_at: Final = Gauge(
    "qrpay_ledger_audited_timestamp_seconds",
    "When the last full audit that came to its end began.",
    multiprocess_mode="mostrecent",
)
keys_unopened: Final = Gauge(
    "qrpay_keys_unopened",
    "Signing keys that should sign and cannot be opened with this master key; anything but 0 is an alarm.",
    multiprocess_mode="livemax",
)
leading: Final = Gauge("qrpay_background_leader", "1 in the process that leads.", multiprocess_mode="mostrecent")

webhook_lag_s: Final = Gauge(
    "qrpay_webhook_lag_seconds",
    "Age of the oldest delivery that is due and may be sent now; 0 when none waits.",
    multiprocess_mode="mostrecent",
)
webhook_deliveries_total: Final = Counter(
    "qrpay_webhook_deliveries_total", "Attempts by what came of them.", ["result"]
)
webhook_seconds: Final = Histogram(
    "qrpay_webhook_seconds",
    "How long receivers took to answer.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
