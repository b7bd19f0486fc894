"""Why a shift is not opened, or not changed any more."""

from qrpay.problem import row

shift_open = row(
    "shift_open", 409, "A shift is open at this till already.", "该收银台已有未结束的班次。",
    "Close it first, with a count of the cash; GET /v1/shifts?status=open shows it.",
    "请先清点现金并结束该班次。",
)  # fmt: skip

shift_closed = row(
    "shift_closed", 409, "This shift is closed.", "该班次已结束。",
    "Open a new shift; what was counted stays as it was.", "请开始新的班次;已清点的结果不再更改。",
)  # fmt: skip
