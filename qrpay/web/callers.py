"""Who calls: the kinds of caller, and how a credential becomes one of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from qrpay.problem import FieldError, forbidden
from qrpay.values import Id

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.web.signatures import Message

Role = Literal["owner", "manager", "cashier", "terminal", "reader"]
Act = Literal["read", "books", "sell", "refund", "manage"]
"""What a merchant's route is about.

read    orders, and who the merchant is      books   balances, statements, settlements, events
sell    opens, shows and closes orders       refund  gives money back
manage  everything else: moves funds, changes keys, staff, stores, terminals, endpoints
"""

ACTS: Final[Mapping[Role, frozenset[Act]]] = {
    "owner": frozenset({"read", "books", "sell", "refund", "manage"}),
    "manager": frozenset({"read", "sell", "refund"}),
    "cashier": frozenset({"read", "sell", "refund"}),
    "terminal": frozenset({"read", "sell"}),
    "reader": frozenset({"read", "books"}),
}
"""Who may do what. Nobody on the till (manager, cashier, terminal) moves funds, or sees more than its own store."""


def _inside(peer: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:  # a local socket has no address
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any((mapped or address) in network for network in networks)


class Bounds(Struct, frozen=True):
    """What holds a merchant's key in; a key without any is the owner's, good for everything from anywhere.

    store, terminal  the only ones it acts for, and the only store whose orders it sees
    staff            who is signed in
    refund_max       minor units that one order may give back through it in all; None: whatever was paid
    networks         addresses it may call from; none: from anywhere
    signed           whether each of its requests must bear a signature (RFC 9421)
    """

    role: Role = "owner"
    store: Id | None = None
    terminal: Id | None = None
    staff: Id | None = None
    refund_max: int | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    signed: bool = False

    def admit(self, act: Act, peer: str) -> None:
        """Raises `forbidden` for what this key may not do, and for an address it may not call from."""
        if act not in ACTS[self.role]:
            raise forbidden(errors=[FieldError("Authorization", f"A key of the role {self.role} does not {act}.")])
        if self.networks and not _inside(peer, self.networks):
            raise forbidden(errors=[FieldError("Authorization", "This key is not good at the address that calls.")])


class Merchant(Struct, frozen=True):
    """A merchant's key `sk_…`: the owner's, or one held in by bounds (a terminal, somebody of the staff, a reader)."""

    id: Id
    key: Id  # which of its keys, for limits and audit
    test: bool
    bounds: Bounds | None = None

    @property
    def store(self) -> Id | None:
        """The only store it acts for; None: all of them."""
        return None if self.bounds is None else self.bounds.store

    @property
    def terminal(self) -> Id | None:
        """The terminal it is; None: it is none."""
        return None if self.bounds is None else self.bounds.terminal


class Wallet(Struct, frozen=True):
    """A customer's access token `at_…`."""

    id: Id  # the customer
    account: Id  # the account it pays from unless it names another
    ledger: int  # that account's numeric currency
    expires_at: int  # Unix seconds
    name: str  # masked, as a payee sees it


OperatorRole = Literal["clerk", "approver", "auditor", "administrator"]
Duty = Literal["look", "propose", "decide", "administer"]
"""What an operator's route is about.

look        finds and reads          propose     asks for something that another person decides
decide      approves and rejects     administer  operators themselves: roles, revocations, enrolments
"""

DUTIES: Final[Mapping[OperatorRole, frozenset[Duty]]] = {
    "clerk": frozenset({"look", "propose"}),
    "approver": frozenset({"look", "propose", "decide"}),
    "auditor": frozenset({"look"}),
    "administrator": frozenset({"look", "administer"}),
}
"""Which role may do what. Whoever administers people decides nothing about money; nobody decides what he proposed."""


class Operator(Struct, frozen=True):
    """Somebody of the bank, signed in; `session`: by which session, for the log."""

    id: Id
    name: str
    role: OperatorRole
    session: Id

    def may(self, duty: Duty) -> bool:
        """Whether this is among the duties of the role."""
        return duty in DUTIES[self.role]


class Acted(Struct, frozen=True):
    """What an operator is about to do, for the log.

    act    the name of the call; path: what it names; body: as it was sent, empty when there is none
    reads  whether it only looks, so that its answer need not be kept
    """

    act: str
    path: Mapping[str, str]
    body: bytes
    request_id: str
    peer: str
    reads: bool = False


Outcome = Callable[[str, object], Awaitable[None]]
"""Says what came of an act: `done` or the code of a refusal, and the answer."""


class Applicant(Struct, frozen=True):
    """Whoever holds the token `ot_…` of an account's opening: nobody's customer yet."""

    id: Id  # the opening


class MerchantApplicant(Struct, frozen=True):
    """Whoever applies to become a merchant, with the token `apt_…` that the application gave."""

    id: Id  # the application


Caller = Merchant | Wallet | Operator | Applicant | MerchantApplicant
Kind = type[Merchant] | type[Wallet] | type[Operator] | type[Applicant] | type[MerchantApplicant]


class Credential(Struct, frozen=True):
    """How one kind of bearer credential is checked.

    prefix      what its text starts with (`sk_`, `at_`)
    caller      the kind it proves
    check       (core, text) to the caller, or raises `unauthenticated` / `token_expired`
    remember_s  how long an answer may be remembered (bounds how late a revocation is seen)
    signed      (core, caller, message) returns when the signature of a request holds; asked for a request that bears
                one, and for a caller whose bounds ask for one
    cookie      name of the cookie it comes in, instead of a header; `__Host-` stands before it where we are https
    noted       (core, operator, act) writes down what is about to be done, and returns how to say what came of it
    """

    prefix: str
    caller: Kind
    check: "Callable[[Core, str], Awaitable[Caller]]"
    remember_s: float
    signed: "Callable[[Core, Merchant, Message], Awaitable[None]] | None" = None
    cookie: str = ""
    noted: "Callable[[Core, Operator, Acted], Awaitable[Outcome]] | None" = None
