"""The chart of accounts: every kind of account and every kind of transfer stands on this page.

An auditor reads it. The numbers are stored, so a row may be added here but never renumbered.
"""

from enum import IntEnum
from typing import Final


class AccountCode(IntEnum):
    """Kinds of account. Customers and merchants are owed by the bank: their balance is credits minus debits."""

    CUSTOMER = 10  # a customer's e-account; may not be overdrawn
    MERCHANT = 20  # what the bank owes a merchant, until settlement; may not be overdrawn
    BANK_CASH = 30  # the bank's own cash: what customers topped up stands on its debit side
    MARKER = 40  # both ends of zero-amount transfers that only claim an id; never holds money
    BANK_CONTROL = 41  # the other end of a marker


class TransferCode(IntEnum):
    """Kinds of transfer, by what they mean to the business."""

    TOP_UP = 1  # bank cash to customer
    PAYMENT = 10  # customer to merchant; its id is the order's id
    ORDER_CLOSE = 11  # zero: the merchant closed the order, for good; its id is the order's id
    ORDER_EXPIRE = 12  # zero: the order ran out of time; its id is the order's id
    CODE_USED = 13  # zero: a payment code was spent; its id is the code's id, `about` the order
    REFUND = 14  # merchant to customer, `about` the order
    CORRECTION = 15  # puts a wrong transfer right, `about` that transfer; nothing that stands is ever changed
    HOLD = 20  # a two-phase reservation


SPENDS: Final = frozenset({TransferCode.PAYMENT, TransferCode.HOLD})
"""Transfers that count against the payer's caps of the day and the year (rules.md 3.1, 3.3)."""

MARKERS: Final = frozenset({TransferCode.ORDER_CLOSE, TransferCode.ORDER_EXPIRE, TransferCode.CODE_USED})
"""Transfers of amount zero: they move nothing and touch no account, they only claim an id."""
