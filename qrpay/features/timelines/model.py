"""A timeline, as it travels."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

What = Literal[
    "opened", "request_arrived", "request_decoded", "code_verified", "batch_sent", "batch_committed", "paid", "closed",
    "expired", "transfer", "refund", "event", "delivery", "settled", "runs_out",
]  # fmt: skip
Source = Literal["story", "ledger", "log", "trace"]


class Step(Struct, frozen=True, omit_defaults=True):
    """Something that happened to an order.

    at       RFC 3339 in UTC with microseconds; for what was measured, by the clock of the process that did it
    what     which step it is; en and zh say it in words
    source   who says so: the order's own rows, the ledger, the event log, or what was measured
    took_us  how long it took, microseconds
    id       of what it happened by, such as the event or the settlement
    detail   figures: a batch's number and size, a delivery's attempts, an amount in minor units
    """

    at: str
    what: What
    en: str
    zh: str
    source: Source
    took_us: int | None = None
    id: str | None = None
    detail: dict[str, str | int | None] | None = None


class Timeline(Struct, frozen=True):
    """All that is known of an order, in the order of time.

    measured  whether it is kept how its payment went: for some days only, and not when it was posted by other ways
    """

    order: str
    reference: str
    status: str
    measured: bool
    steps: Sequence[Step]
