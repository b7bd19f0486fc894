"""What the ledger cannot answer at the moment."""

from qrpay.problem import row

history_detached = row(
    "history_detached", 503, "This lies in a part of the history that is not attached.", "相关历史数据目前未挂载。",
    "Nothing has moved. Ask the bank's operators to attach it (qrpay partitions attach), then ask again.",
    "未发生任何资金变动。请联系银行运营人员挂载该历史分区后重试。",
)  # fmt: skip
