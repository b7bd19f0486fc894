"""What features bring to the operators' desk: what waits for a decision, and how things are found and told."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qrpay.values import CURRENCIES, Id, decimal_text
from qrpay.web.callers import Duty, OperatorRole

__all__ = [
    "Case", "Decision", "Duty", "Fact", "Finder", "Found", "Moment", "OperatorRole", "Review", "Waiting", "money_fact",
]  # fmt: skip

if TYPE_CHECKING:
    from qrpay.core import Core


class Fact(Struct, frozen=True):
    """One line about a thing, as it may be shown: personal data masked, no secrets.

    en, zh  what it is called
    value   as text; an id as it is written, an amount of money with its currency (`12.50 CNY`)
    """

    en: str
    zh: str
    value: str


def money_fact(amount: int, currency: str, en: str = "Amount", zh: str = "金额") -> Fact:
    """Minor units as people read them."""
    return Fact(en, zh, f"{decimal_text(amount, CURRENCIES[currency].exponent)} {currency}")


# Reviews -------------------------------------------------------------------------------------------------------


class Waiting(Struct, frozen=True):
    """What waits for a decision, as the queue lists it.

    id     of the proposal or application
    about  in one line: whom or what it concerns
    since  when it was asked
    maker  the operator who proposed it, who may not decide it; None: somebody outside applied
    """

    id: Id
    about: str
    since: datetime
    maker: Id | None = None


class Case(Struct, frozen=True):
    """All that somebody needs to see before deciding."""

    waiting: Waiting
    facts: Sequence[Fact]


class Decision(Struct, frozen=True):
    """Who decided, why and when. `name` is the operator's; another person than the maker."""

    operator: Id
    name: str
    reason: str
    at: datetime


class Review(Struct, frozen=True, kw_only=True):
    """One kind of thing that somebody of the bank decides, once, and not whoever asked for it.

    kind     stable snake_case, such as `merchant_application`
    prefix   of its ids, such as `app_`
    en, zh   what the queue calls it
    duty     whose decision it is
    waiting  (core, limit) to what waits, oldest first; what is decided is not listed any more
    show     (core, id) to the case; None when nothing of this kind waits under this id
    approve  (core, id, decision) carries it out. The decision stands before, so a process may die in between and
             this be called again with the same decision: it must be safe to repeat. A refusal it raises is
             told to the decider, and the decision is taken back
    reject   the same for a no
    """

    kind: str
    prefix: str
    en: str
    zh: str
    duty: Duty = "decide"
    waiting: "Callable[[Core, int], Awaitable[Sequence[Waiting]]]"
    show: "Callable[[Core, Id], Awaitable[Case | None]]"
    approve: "Callable[[Core, Id, Decision], Awaitable[None]]"
    reject: "Callable[[Core, Id, Decision], Awaitable[None]]"


# Search --------------------------------------------------------------------------------------------------------


class Moment(Struct, frozen=True):
    """Something that happened to a thing.

    en, zh  what, in a few words
    source  who says so: the feature's own rows, the ledger, the event log, the log of operators' acts
    id      of what it happened by, such as the refund's; None: the thing itself
    detail  a figure or a few words more, as they may be shown
    """

    at: datetime
    en: str
    zh: str
    source: Literal["story", "ledger", "event", "operator"]
    id: str | None = None
    detail: str | None = None


class Found(Struct, frozen=True):
    """A thing that was found.

    en, zh   what kind of thing it is
    moments  what its feature knows of its life; ledger, events and operators' acts are added by the search
    abouts   ids of things whose transfers tell of it
    accounts whose last entries tell of it, where it has some
    related  ids to go on with, such as an order's merchant
    """

    id: str
    en: str
    zh: str
    facts: Sequence[Fact]
    moments: Sequence[Moment] = ()
    abouts: Sequence[Id] = ()
    accounts: Sequence[Id] = ()
    related: Sequence[str] = ()


class Finder(Struct, frozen=True, kw_only=True):
    """How one kind of thing is found.

    prefix  of its ids, such as `ord_`
    find    (core, id) to the thing; None when there is none
    named   (core, text) to the ids, as text, of things with this name or reference; at most ten
    """

    prefix: str
    find: "Callable[[Core, Id], Awaitable[Found | None]]"
    named: "Callable[[Core, str], Awaitable[Sequence[str]]] | None" = None
