"""Houses broken on purpose, each by a few words of the real text, and who must notice."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

SLOW: Final = "locked_account,stalled_commit,stalled_answer,cut_before_commit"
"""Faults that make batches wait for each other's rows."""


class Mutation(Struct, frozen=True):
    """One broken house.

    name   what is wrong with it           edits    file, its words, and what stands there instead
    rings  checks of the simulation, one of which must ring; empty: the suite must
    faults of the simulation              seed     of the first history, one that shows it
    suite  tests that must fail
    """

    name: str
    edits: Sequence[tuple[str, str, str]]
    rings: Sequence[str] = ()
    faults: str = "none"
    seed: int = 1
    suite: Sequence[str] = ()


POST: Final = "qrpay/ledger/functions/post.sql"
ALLOWS: Final = "qrpay/ledger/functions/allows.sql"
PAYMENTS: Final = "qrpay/features/payments/service.py"

MUTATIONS: Final = (
    Mutation(
        "a guard is missing",
        [(ALLOWS, "AND (a.flags & 1 = 0 OR a.credits_posted - a.debits_posted - a.debits_pending >= need_debits)", "")],
        ["rules", "answers", "invariants"],
    ),
    Mutation(
        "a retry posts a second time",
        [(PAYMENTS, "transfer = Transfer(payable.order, account,",
          'transfer = Transfer(__import__("qrpay.values").values.new_id(), account,')],
        ["asked for"],
    ),
    Mutation(
        "a cap is counted outside the statement that moves the money",
        [(POST, "day_used = CASE WHEN d.spent = 0 OR a.used_on >= today THEN a.day_used ELSE 0 END + d.spent,",
          "day_used = CASE WHEN d.spent = 0 OR a.used_on >= today THEN a.day_used ELSE 0 END,")],
        ["rules", "counters"],
    ),
    Mutation(
        "an event is skipped",
        [("qrpay/features/payments/events.py", "    for place in payments:\n",
          "    for place in payments[1:] or payments:\n")],
        ["events"],
        "stalled_transaction",
    ),
    Mutation(
        "the order of numbers is taken for the order of commits",
        [("qrpay/ledger/functions/tail.sql",
          "> (after_xid, after_at, after_id)\n        AND t.xid < pg_snapshot_xmin(pg_current_snapshot())",
          "> (after_xid, after_at, after_id)")],
        ["events"],
        SLOW,
    ),
    Mutation(
        "an update of a balance is lost",
        [(POST, "credits_posted = a.credits_posted + d.credits_posted,",
          "credits_posted = (SELECT b.credits_posted FROM accounts b WHERE b.id = a.id) + d.credits_posted,")],
        ["counters", "balance", "invariants", "rules"],
        SLOW,
    ),
    Mutation(
        "an expiry comes before its time and races the post",
        [("qrpay/ledger/store.sql", "WHERE o.due_at <= coalesce($1::timestamptz, clock_timestamp())\nORDER BY o.due_at",
          "WHERE o.due_at <= coalesce($1::timestamptz, clock_timestamp()) + interval '25 s'\nORDER BY o.due_at")],
        ["rules"],
    ),
    Mutation(
        "a payment repeated is answered differently",
        [(PAYMENTS, "return payment_view(core, payable, account, outcome.timestamp, payee_view, back",
          "return payment_view(core, payable, account, core.clock(), payee_view, back")],
        ["once"],
    ),
    Mutation(
        "a void does not give back",
        [("qrpay/ledger/rules.py", "    if posted.flags & VOID:\n        return 0, -held\n",
          "    if posted.flags & VOID:\n        return 0, 0\n")],
        ["invariants"],
    ),
    Mutation(
        "half of a chain stands",
        [(POST, "IF chains IS NOT NULL THEN", "IF false THEN")],
        ["chains"],
    ),
    Mutation(
        "a commit is acknowledged before it is on disk",
        [("qrpay/database/connections.py", '"application_name": "qrpay ledger",',
          '"application_name": "qrpay ledger", "synchronous_commit": "off",')],
        ["answers", "once", "counters"],
        "postgres_killed",
        seed=2,
    ),
    Mutation(
        "a freeze is ignored by who pays alone",
        [("qrpay/ledger/functions/post_one.sql", "ledger_allows(a, 52, amount,", "ledger_allows(a, 48, amount,")],
        ["rules", "answers"],
        seed=2,
    ),
    Mutation(
        "a cap that is set is not looked up",
        [(ALLOWS, "AND (a.limits_until IS NULL OR today < a.limits_until OR spent = 0 AND rise = 0)", "")],
        ["rules"],
    ),
    Mutation(
        "a cap of a class is not told to its accounts",
        [("qrpay/ledger/functions/caps.sql", "AND (limits_until IS NULL OR limits_until > from_day);\n    walked",
          "AND false;\n    walked")],
        ["changes"],
    ),
    Mutation(
        "a closing that is voided leaves the account closed",
        [(POST, "UPDATE accounts SET flags = flags & ~32", "UPDATE accounts SET flags = flags & ~64")],
        ["rules", "changes", "counters", "answers"],
    ),
    Mutation(
        "a refund is given back beyond what is left",
        [("qrpay/features/refunds/service.py", "if not 0 < amount <= left:", "if not 0 < amount:")],
        ["refunds", "invariants"],
    ),
    Mutation(
        "a settlement pays out a fen too much",
        [("qrpay/features/settlement/service.py", "row.planned, TransferCode.SETTLEMENT,",
          "row.planned + 1, TransferCode.SETTLEMENT,")],
        ["settlements", "rules", "asked for"],
    ),
    Mutation(
        "a refusal counts on a balance that never was",
        [("qrpay/ledger/engine.py", "return await self._sure(batch, outcomes, book, on)", "return outcomes")],
        suite=["tests/ledger/test_races.py::test_a_refusal_was_true_at_some_moment"],
    ),
)  # fmt: skip
