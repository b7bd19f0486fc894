"""Who calls: the kinds of caller, and how a credential becomes one of them."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.core import Core


class Merchant(Struct, frozen=True):
    """A merchant's key `sk_…`."""

    id: Id
    key: Id  # which of its keys, for limits and audit
    test: bool


class Wallet(Struct, frozen=True):
    """A customer's access token `at_…`."""

    id: Id  # the customer
    account: Id  # the account it pays from unless it names another
    ledger: int  # that account's numeric currency
    expires_at: int  # Unix seconds
    name: str  # masked, as a payee sees it


class Operator(Struct, frozen=True):
    """Somebody of the bank."""

    id: Id
    name: str


Caller = Merchant | Wallet | Operator


class Credential(Struct, frozen=True):
    """How one kind of bearer credential is checked.

    prefix      what its text starts with (`sk_`, `at_`)
    caller      the kind it proves
    check       (core, text) to the caller, or raises `unauthenticated` / `token_expired`
    remember_s  how long an answer may be remembered (bounds how late a revocation is seen)
    """

    prefix: str
    caller: type[Merchant] | type[Wallet] | type[Operator]
    check: "Callable[[Core, str], Awaitable[Caller]]"
    remember_s: float
