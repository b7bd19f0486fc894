"""Feature: the form a capability fills in to join the house."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import click
from msgspec import Struct

from qrpay.background.model import Consumer, EventSource, Job
from qrpay.database.statements import Statement
from qrpay.desk import Finder, Review
from qrpay.web.callers import Credential
from qrpay.web.routes import Routes

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.settings import Settings


T = TypeVar("T")


class Shell(Protocol):
    """What a command gets by `click.pass_obj`: it opens the house, runs one piece of work in it and closes it again."""

    settings: "Settings"

    def __call__(self, work: "Callable[[Core], Awaitable[T]]") -> T: ...


class Feature(Struct, frozen=True, kw_only=True):
    """What one folder under features/ offers. `app.py` lists the folders; nothing else names them.

    routes       what it answers over HTTP
    credentials  kinds of bearer credential it can check
    events       what it announces, built from its transfers
    consumers    what it hears
    jobs         what it does by the clock
    checks       statements that must return no row
    commands     what it adds to the command line
    sandboxes    parties outside, to try against: `qrpay sandbox NAME`
    reviews      kinds of proposal that an operator decides
    finders      kinds of thing that an operator can look for
    starts       run once when a process starts, before it serves, such as loading keys
    """

    routes: Sequence[Routes] = ()
    credentials: Sequence[Credential] = ()
    events: Sequence[EventSource] = ()
    consumers: Sequence[Consumer] = ()
    jobs: Sequence[Job] = ()
    checks: Sequence[Statement] = ()
    commands: Sequence[click.Command] = ()
    sandboxes: Sequence[click.Command] = ()
    reviews: Sequence[Review] = ()
    finders: Sequence[Finder] = ()
    starts: "Sequence[Callable[[Core], Awaitable[None]]]" = ()
