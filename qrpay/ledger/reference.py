"""docs/reference/ledger.md, made from the code: flags of transfers and accounts, and results in order of precedence."""

from collections.abc import Mapping, Sequence
from typing import Final

from qrpay.ledger.model import AccountFlag, Changed, Result, TransferFlag

PRECEDENCE: Final[Sequence[Result]] = (
    Result.LINKED_EVENT_CHAIN_OPEN,
    Result.LINKED_EVENT_FAILED,
    Result.EXISTS,
    *(result for result in Result if result > Result.LINKED_EVENT_FAILED),
    Result.CREATED,
)
"""Whoever deserves several results gets the first of them."""

RESULTS: Final[Mapping[Result, tuple[str, str]]] = {
    Result.LINKED_EVENT_CHAIN_OPEN: ("flags", "The last one of a call is `linked`, to nothing; its chain failed."),
    Result.LINKED_EVENT_FAILED: (
        "flags",
        "Another one of its chain failed, so this one was not posted either. When a part of a chain stands already,"
        " the first that stands says `exists`, and one that differs from what stands says so instead.",
    ),
    Result.EXISTS: (
        "id",
        "It stands, exactly as asked; the timestamp is that of the first posting. `linked` is not compared. A"
        " balancing transfer exists when at least what it moved is asked for; a chain, when all of it stands.",
    ),
    Result.EXISTS_WITH_DIFFERENT_FLAGS: ("flags", "Another transfer bears the id, posted in another way."),
    Result.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT: ("debit", "Another transfer bears the id, of another debit account."),
    Result.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT: (
        "credit",
        "Another transfer bears the id, of another credit account.",
    ),
    Result.EXISTS_WITH_DIFFERENT_AMOUNT: (
        "amount",
        "Another transfer bears the id, of another amount; of a balancing one: it moved more than is asked for now.",
    ),
    Result.EXISTS_WITH_DIFFERENT_CODE: ("code", "Another transfer bears the id, of another kind."),
    Result.EXISTS_WITH_DIFFERENT_LEDGER: ("ledger", "Another transfer bears the id, in another ledger."),
    Result.EXISTS_WITH_DIFFERENT_ABOUT: ("about", "Another transfer bears the id, about another thing."),
    Result.EXISTS_WITH_DIFFERENT_REFERENCE: ("reference", "Another transfer bears the id, with another reference."),
    Result.EXISTS_WITH_DIFFERENT_PENDING_ID: ("pending_id", "Another transfer bears the id, of another hold."),
    Result.EXISTS_WITH_DIFFERENT_TIMEOUT: ("timeout_s", "Another transfer bears the id, with another time-out."),
    Result.AMOUNT_MALFORMED: (
        "amount",
        "Negative, above 999,999,999,999, left out where it must be given, or not zero for a marker, or zero for"
        " what is neither a marker nor a closing transfer (a hold is not posted with nothing: void it).",
    ),
    Result.CODE_MALFORMED: ("code", "Not from 1 to 32,767; only a post or a void may leave it out (0)."),
    Result.LEDGER_MALFORMED: ("ledger", "Not from 1 to 2,147,483,647; only a post or a void may leave it out (0)."),
    Result.REFERENCE_MALFORMED: ("reference", "Longer than 128 characters, or with NUL or half a character in it."),
    Result.FLAGS_MALFORMED: (
        "flags",
        "Unknown, or not together: `pending`, `post_pending` and `void_pending` exclude each other, only what moves or"
        " holds can balance, only a hold can close, and a marker is nothing of it.",
    ),
    Result.TIMEOUT_MALFORMED: ("timeout_s", "Negative, above 400 days, or given for what is no hold."),
    Result.PENDING_ID_MALFORMED: ("pending_id", "Its own id, missing for a post or a void, or given for another."),
    Result.ABOUT_MALFORMED: ("about", "A correction must name what it corrects, which is not itself."),
    Result.PENDING_TRANSFER_NOT_FOUND: ("pending_id", "No transfer bears this id."),
    Result.PENDING_TRANSFER_NOT_PENDING: ("pending_id", "That transfer was no hold."),
    Result.PENDING_TRANSFER_DIFFERENT: (
        "debit, credit, code, ledger, amount",
        "The hold is of other accounts, kind or ledger; a void, also of another amount.",
    ),
    Result.PENDING_TRANSFER_ALREADY_POSTED: ("pending_id", "The hold was posted, in full or in part."),
    Result.PENDING_TRANSFER_ALREADY_VOIDED: ("pending_id", "The hold was voided."),
    Result.PENDING_TRANSFER_EXPIRED: ("pending_id", "The hold ran out of time; its money is free again."),
    Result.EXCEEDS_PENDING_AMOUNT: ("amount", "More would be posted than is held."),
    Result.DEBIT_ACCOUNT_NOT_FOUND: ("debit", "There is no such account."),
    Result.CREDIT_ACCOUNT_NOT_FOUND: ("credit", "There is no such account."),
    Result.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER: (
        "ledger",
        "Both accounts must be of the ledger that the transfer names.",
    ),
    Result.ACCOUNTS_MUST_BE_DIFFERENT: ("debit, credit", "An account does not pay itself."),
    Result.CORRECTED_TRANSFER_NOT_FOUND: ("about", "No transfer of this ledger that moved money bears this id."),
    Result.DEBIT_ACCOUNT_CLOSED: ("debit", "The account is closed: holds can be voided there, and nothing else."),
    Result.CREDIT_ACCOUNT_CLOSED: ("credit", "The account is closed: holds can be voided there, and nothing else."),
    Result.DEBITS_FROZEN: ("debit", "The account is frozen against debits, posting its holds among them."),
    Result.CREDITS_FROZEN: ("credit", "The account is frozen against credits."),
    Result.NOTHING_TO_BALANCE: (
        "amount",
        "A balancing transfer found nothing to move. (A closing one then holds nothing, and closes.)",
    ),
    Result.OVERFLOWS_DEBITS: ("debit", "A counter would pass 2^63 - 1."),
    Result.OVERFLOWS_CREDITS: ("credit", "A counter would pass 2^63 - 1."),
    Result.EXCEEDS_CREDITS: (
        "debit",
        "There is too little in the account, what is held taken off. With its figures.",
    ),
    Result.EXCEEDS_DEBITS: ("credit", "The account owes too little. With its figures."),
    Result.EXCEEDS_CAP_DAY: ("debit", "More than the account may spend in a bank day. With its figures."),
    Result.EXCEEDS_CAP_YEAR: ("debit", "More than the account may spend in a bank year. With its figures."),
    Result.EXCEEDS_CAP_BALANCE: ("credit", "More than the account may hold at any moment. With its figures."),
    Result.EXCEEDS_CAP_CODE_A: ("debit", "More than may be paid in a bank day by codes of class A. With its figures."),
    Result.EXCEEDS_CAP_CODE_B: ("debit", "The same, class B: two factors, no certificate. With its figures."),
    Result.EXCEEDS_CAP_CODE_C: ("debit", "The same, class C: fewer than two factors. With its figures."),
    Result.EXCEEDS_CAP_CODE_D: ("debit", "The same, class D: static codes. With its figures."),
    Result.EXCEEDS_CAP_INFLOW_DAY: (
        "credit",
        "More than may come in in a bank day from accounts that are not bound to it, or as cash. With its figures.",
    ),
    Result.EXCEEDS_CAP_INFLOW_YEAR: ("credit", "The same, of a bank year. With its figures."),
    Result.CREATED: ("", "None of these: it was posted now."),
}
"""The field that each is about, and what it means."""

TRANSFER_FLAGS: Final[Mapping[TransferFlag, str]] = {
    TransferFlag.LINKED: "Stands or falls with the next one of the same call; a chain ends with the first that is not.",
    TransferFlag.PENDING: "Holds the amount on both sides until it is posted, voided, or runs out of time.",
    TransferFlag.POST_PENDING: "Posts a hold: all of it, or a part, which frees the rest. Once.",
    TransferFlag.VOID_PENDING: "Voids a hold. Works on closed and frozen accounts too.",
    TransferFlag.BALANCING_DEBIT: "Moves at most what the debit account has left, holds taken off: `amount` is the"
    " most, left out: whatever is there. What was moved stands in the transfer. Caps refuse, and do not lessen it.",
    TransferFlag.BALANCING_CREDIT: "Moves at most what the credit account owes; with both flags, the lesser.",
    TransferFlag.CLOSING_DEBIT: "A hold that closes the debit account until it is voided or runs out of time. It"
    " cannot be posted, as the account is closed. May hold nothing.",
    TransferFlag.CLOSING_CREDIT: "The same for the credit account.",
}

ACCOUNT_FLAGS: Final[Mapping[AccountFlag, str]] = {
    AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS: "Debits, posted and pending, never pass posted credits: no overdraft."
    " For the life of the account.",
    AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS: "The other way round. For the life of the account.",
    AccountFlag.DEBITS_FROZEN: "No debits (只收不付). By `change_accounts`.",
    AccountFlag.CREDITS_FROZEN: "No credits either (不收不付). By `change_accounts`.",
    AccountFlag.CLOSED: "Nothing but voids and expiries of its holds; its money stays. By `change_accounts`.",
    AccountFlag.CLOSED_BY_TRANSFER: "The same, as long as its closing transfer is pending. By that transfer alone.",
}

CHANGES: Final[Mapping[Changed, str]] = {
    Changed.CHANGED: "It is so from now on; a payment that raced with it was decided before or after it.",
    Changed.UNCHANGED: "It was so already.",
    Changed.ACCOUNT_NOT_FOUND: "There is no such account.",
    Changed.CLOSED_BY_TRANSFER: "Reopened, but a closing transfer still closes it: void that.",
}


def page() -> str:
    """docs/reference/ledger.md."""
    lines = [
        "# The ledger", "", "Made from the code by `qrpay docs`; `tests/ledger/test_precedence.py` walks down it.", "",
        "## Results of a transfer", "",
        "In order of precedence: a transfer that deserves several gets the first. Only `created` and `exists` stand; a",
        "transfer with any other result has left no trace, and its id may be used again at once. The figures of a",
        "guard that said no: its limit, what is used of it and left; the amount that all guards would let pass now;",
        "for a cap of a day or year also when it begins anew.", "",
        "| result | which field | what it means |", "|---|---|---|",
    ]  # fmt: skip
    lines += [f"| `{_name(result)}` | {RESULTS[result][0]} | {RESULTS[result][1]} |" for result in PRECEDENCE]
    for title, number, meanings in (
        ("Flags of a transfer", "bit", TRANSFER_FLAGS),
        ("Flags of an account", "bit", ACCOUNT_FLAGS),
        ("Results of a change of an account", "number", CHANGES),
    ):
        lines += ["", f"## {title}", "", f"| name | {number} | what it means |", "|---|---|---|"]
        lines += [f"| `{_name(member)}` | {int(member)} | {meaning} |" for member, meaning in meanings.items()]
    return "\n".join(lines) + "\n"


def _name(member: Result | TransferFlag | AccountFlag | Changed) -> str:
    return str(member.name).lower()
