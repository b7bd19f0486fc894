"""Why lists are not compared."""

from qrpay.features.statements.problems import history_detached, statement_not_ready
from qrpay.problem import row

too_many_lines = row(
    "too_many_lines", 422, "There are too many lines in these buckets.", "这些分组中的记录过多。",
    "Ask for fewer buckets, or smaller ones (more bits): we have more than {limit} lines in them.",
    "请减少分组数量或使用更细的分组(更大的 bits):本行在其中的记录超过 {limit} 条。",
)  # fmt: skip
"""Figure: `limit`."""

__all__ = ["history_detached", "statement_not_ready", "too_many_lines"]
