"""What the calendar does not know."""

from qrpay.problem import row

calendar_unknown = row(
    "calendar_unknown", 409, "The bank's calendar does not know this year yet.", "银行工作日历尚未包含该年份。",
    "Enter the State Council's notice for {year}: qrpay calendar load {year} FILE. Nothing is guessed until then.",
    "请录入国务院办公厅关于 {year} 年节假日安排的通知:qrpay calendar load {year} FILE。录入前系统不作推测。",
)  # fmt: skip
"""Figure: `year`."""
