"""Customers and their e-accounts, on the wire and in the house."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from qrpay.features.merchants.model import Balance
from qrpay.values import Amount, CurrencyCode, Id, ledger_of

AccountClass = Literal["II", "III"]
"""Classes of online accounts (银发〔2016〕302号); Class I is opened at a counter."""

Status = Literal["active", "frozen", "closed"]
Kind = Literal["payment", "refund", "top_up", "hold", "correction", "share", "transfer"]
Direction = Literal["debit", "credit"]
PersonName = Annotated[str, Meta(min_length=1, max_length=64)]
Phone = Annotated[str, Meta(pattern=r"^1[3-9][0-9]{9}\Z", description="A Chinese mobile number, 11 digits.")]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="Six digits.")]


class Caps(Struct, frozen=True):
    """What an account may spend in a bank day and year, and hold at any moment; minor units, None: no cap."""

    day: int | None = None
    year: int | None = None
    balance: int | None = None


NO_CAPS: Final = Caps()


class NewCustomer(Struct, frozen=True):
    """A person and the first e-account.

    phone         one customer a number
    caps          None: those of the class, as they are in force at any time; else its own, and none of the class
    test          pays test merchants only, with money of the test ledgers; a test number is no real one
    """

    name: PersonName
    phone: Phone
    pin: Pin
    currency: CurrencyCode = "CNY"
    account_class: AccountClass = "II"
    caps: Caps | None = None
    test: bool = False

    def __repr__(self) -> str:
        """Without the person: this may reach a log."""
        return "NewCustomer(…)"


class Customer(Struct, frozen=True):
    """A person, as far as others may see."""

    id: Id
    name_masked: str
    phone_masked: str
    status: Status
    test: bool = False


class CustomerRow(Struct, frozen=True):
    """A row of customers: what identifies the person is sealed, the phone is found by its keyed hash."""

    id: Id
    name_sealed: bytes
    name_masked: str
    phone_hash: bytes
    phone_sealed: bytes
    phone_masked: str
    test: bool = False


class EAccount(Struct, frozen=True):
    """A customer's account; its id is the ledger account's.

    online           opened without the holder being seen
    unbound_credits  whether it takes money from accounts that are not bound to it (rules.md 3.3)
    """

    id: Id
    customer: Id
    account_class: AccountClass
    currency: str
    test: bool = False
    online: bool = False
    unbound_credits: bool = True

    @property
    def ledger(self) -> int:
        """The ledger that holds it."""
        return ledger_of(self.currency, self.test)


class Holder(Struct, frozen=True):
    """Whose an account is: the customer, and the masked name that a payee sees."""

    customer: Id
    name: str


class Opened(Struct, frozen=True):
    """A customer and the account that was opened."""

    customer: Customer
    account: EAccount


class PinRow(Struct, frozen=True):
    """A PIN at rest: Argon2id in PHC form, wrong tries in a row, and until when it is locked."""

    phc: str
    tries: int
    locked_until: datetime | None

    def locked(self, now: datetime) -> bool:
        """Whether no PIN, right or wrong, is looked at now."""
        return self.locked_until is not None and self.locked_until > now


class Cap(Struct, frozen=True):
    """A cap over a period, minor units: the most, what counts already, and what is left of it, at least 0.

    resets_at  when it begins anew: the end of the bank's day or year (Asia/Shanghai), in UTC
    """

    limit: int
    used: int
    left: int
    resets_at: str


class CodeLimits(Struct, frozen=True):
    """What may still be paid today by codes of each class of verification (rules.md 3.1); null: no cap.

    a  with two factors, one of them a certificate or signature    b  with two factors, such as phone and PIN
    c  with fewer                                                  d  by static codes
    """

    a: Cap | None
    b: Cap | None
    c: Cap | None
    d: Cap | None


class Limits(Struct, frozen=True):
    """What an account may still spend; null: no cap.

    balance  the most it may hold at any moment
    shared   whether what the customer's other accounts spend counts too
    """

    day: Cap | None
    year: Cap | None
    balance: int | None
    codes: CodeLimits
    shared: bool


class AccountView(Struct, frozen=True):
    """An account on the wire."""

    id: str
    account_class: AccountClass = field(name="class")
    currency: CurrencyCode
    balance: Balance
    limits: Limits


class AccountList(Struct, frozen=True):
    """A customer's accounts."""

    data: Sequence[AccountView]


class EntryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a statement."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class EntryView(Struct, frozen=True):
    """A line of a statement.

    id            of an order's payment, the order's; otherwise the transfer's own
    order         the order it belongs to, if any
    direction     `debit`: it left the account
    counterparty  a merchant's name, or a person's, masked; null where none is known
    corrects      the line that a correction corrects, by its id
    balance       the account's, once this line was in
    at            when it was recorded; lines follow each other by it
    effective_at  when it belongs: what a correction corrects, or the end of a hold that ran out, lies before `at`
    """

    id: str
    kind: Kind
    order: str | None
    reference: str | None
    direction: Direction
    amount: Amount
    currency: CurrencyCode
    counterparty: str | None
    corrects: str | None
    balance: Balance
    at: str
    effective_at: str


class CurrencyLight(Struct, frozen=True):
    """Whether one currency's books balance.

    debits, credits  what was posted and what is held on either side of all accounts, minor units, and balance: the
                     difference of what was posted. For operators alone
    """

    currency: str
    balanced: bool
    debits: int | UnsetType = UNSET
    credits: int | UnsetType = UNSET
    debits_pending: int | UnsetType = UNSET
    credits_pending: int | UnsetType = UNSET
    balance: int | UnsetType = UNSET


class MoneyLight(Struct, frozen=True):
    """Whether money is conserved: debits equal credits in every currency, posted and pending.

    position  how many transfers are under seal
    root      the hash over all of these, base64url: at one position, equal roots mean equal books
    signed    a compact JWS over the other members, type `qrpay-conservation+jws`, by a key of the public set: whoever
            keeps it can hold us to it
    """

    position: int
    at: str
    balanced: bool
    currencies: Sequence[CurrencyLight]
    root: str
    signed: str
