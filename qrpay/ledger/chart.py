"""The chart of accounts: every kind of account and every kind of transfer stands on this page.

An auditor reads it, here or by `qrpay ledger chart`. The numbers are stored, so a row may be added here but never
renumbered; whoever adds one says in ACCOUNTS or TRANSFERS what it stands for.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Literal

from msgspec import Struct

from qrpay.values import CURRENCY_OF_LEDGER, TEST_LEDGERS


class AccountCode(IntEnum):
    """Kinds of account. Customers and merchants are owed by the bank: their balance is credits minus debits."""

    CUSTOMER = 10  # a customer's e-account; may not be overdrawn
    MERCHANT = 20  # what the bank owes a merchant, until settlement; may not be overdrawn
    BANK_CASH = 30  # the bank's own cash: what customers topped up stands on its debit side
    CLEARING = 31  # what goes out and comes in through the clearing house; one a currency, paid out on its credit side
    MARKER = 40  # both ends of zero-amount transfers that only claim an id; never holds money
    BANK_CONTROL = 41  # the other end of a marker
    CAP_GROUP = 50  # holds no money: counts what several accounts of one person spend together
    OFFLINE_ALLOWANCE = 51  # what a terminal may still take without its network; may not be overdrawn
    OFFLINE_CONTROL = 52  # the other end of such allowances; one in each of their units
    REFUNDS_HELD = 60  # what a merchant gave back and its payers' accounts could not take yet; one a merchant
    FEES = 70  # what a merchant has paid the bank for its payments; one a merchant, so that no two wait for each other
    FEES_BORNE = 71  # what the bank pays of those fees itself, by agreement; one a merchant
    SHARING = 72  # what is held of a merchant's payments until it is shared with others or released; one a merchant
    VERIFICATION_DEPOSITS = 80  # small deposits to accounts that customers bind: the bank's cost; one a currency
    TRANSFERS_HELD = 81  # what customers sent and the receiver's account could not take yet; one a receiver


class TransferCode(IntEnum):
    """Kinds of transfer, by what they mean to the business."""

    TOP_UP = 1  # bank cash to customer, from the account that is bound to it
    DEPOSIT = 2  # bank cash to customer, from an account that is not bound to it, or as cash
    PAYMENT = 10  # customer to merchant, without a PIN (class C); the id of every payment is the order's id
    ORDER_CLOSE = 11  # zero: the merchant closed the order, for good; its id is the order's id
    ORDER_EXPIRE = 12  # zero: the order ran out of time; its id is the order's id
    CODE_USED = 13  # zero: a payment code was spent; its id is the code's id, `about` the order
    REFUND = 14  # merchant to customer, `about` the order
    CORRECTION = 15  # puts a wrong transfer right, `about` that transfer; nothing that stands is ever changed
    CLOSING = 16  # closes one of its accounts as long as it is pending, and holds what is left in it, or nothing
    PAYMENT_PIN = 17  # a payment with the PIN: two factors, no certificate (class B)
    PAYMENT_SIGNED = 18  # a payment with two factors, one of them a certificate or signature (class A)
    PAYMENT_STATIC = 19  # a payment by a static code, whatever the factors (class D)
    HOLD = 20  # a two-phase reservation
    REFUND_RELEASE = 30  # refunds held to customer, `about` the order: the account could take it, or another was named
    OFFLINE_GRANT = 40  # control to a terminal's allowance: what its certificate lets it take
    OFFLINE_USE = 41  # a terminal's allowance to control, `about` the order: beside the payment of an offline code
    SETTLEMENT = 50  # merchant to clearing, pending until the clearing house's proof; its id is the settlement's
    PAYOUT_RETURN = 51  # clearing back to whom it came from, `about` the payout: it was booked, and came back
    FEE = 60  # merchant to fees, `about` the order, beside its payment; the reference names the plan
    FEE_RETURN = 61  # fees to whom they came from, `about` the order, beside a refund
    FEE_BORNE = 62  # fees borne to fees: a fee that the bank bears
    SHARING_HOLD = 63  # merchant to sharing, `about` the order, beside its payment: to be shared
    SHARE = 64  # sharing to a receiver, `about` the order; the reference names the receiver
    SHARING_RELEASE = 65  # sharing to merchant, `about` the order: what is not shared
    SHARE_RETURN = 66  # a receiver to the merchant, `about` the order: with a refund, or clawed back; names the share
    VERIFICATION = 70  # verification deposits to clearing, pending until the proof: its amount proves a bound account
    WITHDRAWAL = 71  # customer to clearing, to the bound account, pending until the proof; its id is the withdrawal's
    P2P = 80  # customer to customer, or to transfers held; its id is claimed from the sender's key, or a request's
    P2P_RELEASE = 81  # transfers held to the receiver, `about` the transfer
    P2P_RETURN = 82  # transfers held back to the sender, `about` the transfer: nobody took it
    REQUEST_DECLINED = 83  # zero: whoever was asked for money said no; its id is the request's
    REQUEST_WITHDRAWN = 84  # zero: whoever asked for money took it back; its id is the request's


class Unit(IntEnum):
    """Ledgers of what is no currency: units of the bank. A ledger's number is the currency's of ISO 4217, which has
    three digits and is above zero; 1 is nobody's and the markers'; so the bank's own units are numbered from 1001 on.
    No transfer passes from one ledger to another: points are bought and spent by two transfers, chained.
    """

    POINTS = 1001  # loyalty points, whole
    OFFLINE_AMOUNT = 1002  # what terminals may take without a network, in minor units of their currency
    OFFLINE_COUNT = 1003  # the same in codes


class AccountKind(Struct, frozen=True):
    """What a kind of account stands for.

    normal    the side on which it grows: `debit` for what the bank has, `credit` for what it owes
    owner     whose money it is
    guarded   whether a balance on the other side is refused
    """

    normal: Literal["debit", "credit"]
    owner: str
    guarded: bool
    meaning: str


ACCOUNTS: Final[Mapping[AccountCode, AccountKind]] = {
    AccountCode.CUSTOMER: AccountKind(
        "credit", "a customer", True, "A Class II or III e-account: what the bank owes its holder."
    ),
    AccountCode.MERCHANT: AccountKind(
        "credit", "a merchant", True, "What was paid to a merchant in one currency and is not settled yet."
    ),
    AccountCode.BANK_CASH: AccountKind(
        "debit", "the bank", True, "What customers have topped up: it came in from outside the ledger."
    ),
    AccountCode.CLEARING: AccountKind(
        "credit", "the clearing house", False, "What was paid out through the clearing house, less what came in by it."
    ),
    AccountCode.MARKER: AccountKind(
        "debit", "nobody", False, "One end of transfers of nothing, which only claim an id. It has no row and no money."
    ),
    AccountCode.BANK_CONTROL: AccountKind("credit", "nobody", False, "The other end of such transfers."),
    AccountCode.CAP_GROUP: AccountKind(
        "credit", "nobody", False, "Never holds money: counts what the accounts of one customer spend together."
    ),
    AccountCode.OFFLINE_ALLOWANCE: AccountKind(
        "credit", "nobody", True, "What a terminal's certificate lets it take without a network: amount, or codes."
    ),
    AccountCode.OFFLINE_CONTROL: AccountKind("debit", "nobody", False, "What such allowances have left in all."),
    AccountCode.REFUNDS_HELD: AccountKind(
        "credit", "customers", True, "Refunds of one merchant that wait for their payers' accounts to take them."
    ),
    AccountCode.FEES: AccountKind(
        "credit", "the bank", True, "Fees of one merchant's payments, less what went back with refunds: income."
    ),
    AccountCode.SHARING: AccountKind(
        "credit", "a merchant", True, "What is held of one merchant's payments until it is shared or released."
    ),
    AccountCode.FEES_BORNE: AccountKind(
        "debit", "the bank", False, "Fees of one merchant's payments that the bank bears by agreement: a cost."
    ),
    AccountCode.VERIFICATION_DEPOSITS: AccountKind(
        "debit", "the bank", False, "Small deposits sent to accounts that customers bind: what proving them has cost."
    ),
    AccountCode.TRANSFERS_HELD: AccountKind(
        "credit", "a customer", True, "Transfers between customers that wait until the receiver's account takes them."
    ),
}


class TransferKind(Struct, frozen=True):
    """What a kind of transfer stands for, and between which kinds of account it passes."""

    debit: str
    credit: str
    meaning: str


TRANSFERS: Final[Mapping[TransferCode, TransferKind]] = {
    TransferCode.TOP_UP: TransferKind("bank cash", "customer", "Money came in by a channel outside."),
    TransferCode.DEPOSIT: TransferKind(
        "bank cash", "customer", "The same from an account that is not bound to it, or as cash: inflow, which has caps."
    ),
    TransferCode.PAYMENT: TransferKind(
        "customer", "merchant", "An order was paid without a PIN (class C); its id is the order's."
    ),
    TransferCode.PAYMENT_PIN: TransferKind("customer", "merchant", "The same with the PIN (class B)."),
    TransferCode.PAYMENT_SIGNED: TransferKind("customer", "merchant", "The same with a signature (class A)."),
    TransferCode.PAYMENT_STATIC: TransferKind("customer", "merchant", "The same by a static code (class D)."),
    TransferCode.ORDER_CLOSE: TransferKind("marker", "marker", "Nothing: an order was closed for good."),
    TransferCode.ORDER_EXPIRE: TransferKind("marker", "marker", "Nothing: an order ran out of time."),
    TransferCode.CODE_USED: TransferKind("marker", "marker", "Nothing: a customer's payment code was spent."),
    TransferCode.REFUND: TransferKind(
        "merchant",
        "customer",
        "Part or all of an order was given back; to refunds held when the payer could not take it.",
    ),
    TransferCode.CORRECTION: TransferKind("any", "any", "Puts a wrong transfer right, which its `about` names."),
    TransferCode.CLOSING: TransferKind("any", "any", "An account was closed; voided, it is open again."),
    TransferCode.OFFLINE_GRANT: TransferKind(
        "offline control", "offline allowance", "A terminal's key was certified; in units of the bank."
    ),
    TransferCode.OFFLINE_USE: TransferKind(
        "offline allowance", "offline control", "A code was paid that a terminal signed without a network."
    ),
    TransferCode.SETTLEMENT: TransferKind(
        "merchant", "clearing", "A merchant is paid out: held, then posted by the clearing house's proof, or voided."
    ),
    TransferCode.PAYOUT_RETURN: TransferKind("clearing", "any", "A payout that was booked came back."),
    TransferCode.FEE: TransferKind("merchant", "fees", "The fee of a payment, in the payment's own commit."),
    TransferCode.FEE_BORNE: TransferKind("fees borne", "fees", "The same where the bank bears it."),
    TransferCode.FEE_RETURN: TransferKind(
        "fees", "merchant, fees borne", "A fee went back in part or whole, in the refund's own commit."
    ),
    TransferCode.SHARING_HOLD: TransferKind(
        "merchant", "sharing", "What is to be shared of an order, in its payment's own commit."
    ),
    TransferCode.SHARE: TransferKind("sharing", "merchant, customer", "A receiver was given its share of an order."),
    TransferCode.SHARING_RELEASE: TransferKind("sharing", "merchant", "What is not shared is the merchant's."),
    TransferCode.SHARE_RETURN: TransferKind(
        "merchant, customer", "merchant", "A share came back, with a refund's own commit or clawed back."
    ),
    TransferCode.HOLD: TransferKind("customer", "any", "A reservation, until it is posted, voided or runs out."),
    TransferCode.REFUND_RELEASE: TransferKind(
        "refunds held", "customer", "A refund that had waited reached its payer."
    ),
    TransferCode.VERIFICATION: TransferKind(
        "verification deposits", "clearing", "A small deposit to an account that a customer binds."
    ),
    TransferCode.WITHDRAWAL: TransferKind(
        "customer", "clearing", "A customer's money goes to the account at another bank that the e-account is bound to."
    ),
    TransferCode.P2P: TransferKind(
        "customer", "customer", "One customer pays another; to transfers held when it is full."
    ),
    TransferCode.P2P_RELEASE: TransferKind(
        "transfers held", "customer", "A transfer that waited reached its receiver."
    ),
    TransferCode.P2P_RETURN: TransferKind("transfers held", "customer", "One that nobody took went back."),
    TransferCode.REQUEST_DECLINED: TransferKind("marker", "marker", "Nothing: a request for money was declined."),
    TransferCode.REQUEST_WITHDRAWN: TransferKind("marker", "marker", "Nothing: a request for money was taken back."),
}


class CapClass(IntEnum):
    """Whose caps an account follows (rules.md 3.3)."""

    NONE = 0  # only its own, if any
    EVERY = 1  # every account that follows a class: the caps by class of code hold for the whole bank
    CLASS_II = 2
    CLASS_III = 3


class CodeClass(IntEnum):
    """How safely a payment by code was verified, with a cap a day for each (银发〔2017〕296号, rules.md 3.1)."""

    A = 1  # dynamic code, two factors, one of them a certificate or an electronic signature: as agreed
    B = 2  # dynamic code, two factors
    C = 3  # dynamic code, fewer than two factors
    D = 4  # static code, whatever the factors


CODE_CLASS: Final = {
    TransferCode.PAYMENT_SIGNED: CodeClass.A,
    TransferCode.PAYMENT_PIN: CodeClass.B,
    TransferCode.PAYMENT: CodeClass.C,
    TransferCode.PAYMENT_STATIC: CodeClass.D,
}
"""The class that each kind of payment is counted in."""

PAYMENTS: Final = frozenset(CODE_CLASS)
"""Transfers that pay an order."""

SPENDS: Final = PAYMENTS | {TransferCode.HOLD, TransferCode.P2P}
"""Transfers that count against the payer's caps of the day and the year (rules.md 3.1, 3.3)."""

RECEIVES: Final = frozenset({TransferCode.DEPOSIT, TransferCode.P2P, TransferCode.P2P_RELEASE, TransferCode.SHARE})
"""Transfers that count against the payee's caps of inflow in the day and the year (rules.md 3.3)."""

RESTORES: Final = frozenset({TransferCode.CORRECTION})
"""Transfers that give back the caps used by the transfer they are about, as far as its day and year still run.
A refund is not among them: the rules do not say that it restores a cap, so it does not (rules.md 3)."""

MARKERS: Final = frozenset({
    TransferCode.ORDER_CLOSE, TransferCode.ORDER_EXPIRE, TransferCode.CODE_USED, TransferCode.REQUEST_DECLINED,
    TransferCode.REQUEST_WITHDRAWN,
})  # fmt: skip
"""Transfers of amount zero: they move nothing and touch no account, they only claim an id."""


def name_of_ledger(ledger: int) -> str:
    """What a ledger counts: a currency's code, such as CNY (CNY TEST for trying), or the name of a unit of the bank."""
    currency = CURRENCY_OF_LEDGER.get(ledger)
    if currency is not None:
        return currency.code if ledger < TEST_LEDGERS else f"{currency.code} TEST"
    return Unit(ledger).name if ledger in set(Unit) else f"LEDGER {ledger}"
