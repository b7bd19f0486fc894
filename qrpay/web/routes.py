"""Routes: a handler decodes nothing and encodes nothing; its route says the rest once, for server and reference."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiohttp import web
from msgspec import Struct

from qrpay.problem import Problem
from qrpay.web.callers import Act, Applicant, Caller, Duty, Kind, Merchant, MerchantApplicant, Operator, Wallet
from qrpay.web.wire import Request

if TYPE_CHECKING:
    from qrpay.core import Core

Ask = TypeVar("Ask")
PUBLIC: Final = None


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """What a handler is handed when its route takes neither a body nor a query."""


NOTHING: Final = Nothing()


class Answer(Struct, frozen=True):
    """An answer that differs from what its route says: another status, headers, a first answer given again."""

    value: Any
    status: int = 0  # 0: as the route says
    replayed: bool = False  # adds Idempotent-Replayed: true
    headers: Mapping[str, str] | None = None


class Document(Struct, frozen=True):
    """An answer that is no JSON: a picture, a page, a signed statement."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] | None = None


class Call:
    """One request as a handler sees it."""

    __slots__ = ("caller", "core", "path", "wire")

    def __init__(self, core: "Core", wire: Request, caller: Caller | None, path: Mapping[str, str]) -> None:
        self.core = core
        self.wire = wire
        self.caller = caller
        self.path = path

    @property
    def request(self) -> web.BaseRequest:
        """The request as aiohttp knows it, for a route that streams."""
        return self.wire.stream()

    @property
    def merchant(self) -> Merchant:
        """The calling merchant, on a route for merchants."""
        assert isinstance(self.caller, Merchant)
        return self.caller

    @property
    def wallet(self) -> Wallet:
        """The calling customer, on a route for wallets."""
        assert isinstance(self.caller, Wallet)
        return self.caller

    @property
    def operator(self) -> Operator:
        """The calling operator, on a route for operators."""
        assert isinstance(self.caller, Operator)
        return self.caller

    @property
    def applicant(self) -> Applicant:
        """Whoever opens an account, on a route for that."""
        assert isinstance(self.caller, Applicant)
        return self.caller

    @property
    def merchant_applicant(self) -> MerchantApplicant:
        """Whoever applies to become a merchant, on a route for that."""
        assert isinstance(self.caller, MerchantApplicant)
        return self.caller

    async def file(self, limit: int) -> bytes:
        """The body of a route that takes a file: at most `limit` bytes, with four times the patience of a JSON body."""
        return await self.wire.body(limit, 4 * self.core.settings.body_s)

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key, quotes removed (a Structured Field String; the bare form is taken too)."""
        key = self.wire.headers.get("Idempotency-Key")
        return key[1:-1] if key and len(key) > 1 and key[0] == key[-1] == '"' else key


Handler = Callable[[Call, Any], Awaitable[Any]]


class Route(Struct, frozen=True, kw_only=True):
    """One line of the reference, and what the server needs to serve it.

    caller    who may call: Merchant, Wallet, Operator, Applicant, MerchantApplicant, or PUBLIC
    act       what a merchant's route is about (callers.ACTS). Left out, only its owner may call; a route that others
              may call keeps each within `call.merchant.store`
    duty      what an operator's route is about (callers.DUTIES). Left out, only an administrator may call
    operator_too  a public route that says more to an operator who is signed in (`call.caller`)
    watched   an operator's GET that is written to the log, as every call of theirs that changes something is
    body      the Struct of its JSON body; or
    body_optional  an empty body counts as {}
    upload    its body is no JSON but a file of at most so many bytes, which the handler reads by `call.file`
    query     the Struct of its query parameters (a handler gets one of them as `ask`)
    returns   what it answers; a Struct, or Document for what is no JSON (media_type says what)
    also      further good statuses and what they mean
    stream    the handler writes the response itself and returns it
    idempotent  needs an Idempotency-Key header
    timed     it is measured how its payments go
    """

    method: str
    path: str
    handler: Handler
    caller: Kind | None
    act: Act = "manage"
    duty: Duty = "administer"
    operator_too: bool = False
    watched: bool = False
    body: Any = None
    body_optional: bool = False
    upload: int = 0
    query: Any = None
    returns: Any = None
    status: int = 200
    also: Mapping[int, str]
    problems: Sequence[Problem]
    media_type: str = "application/json"
    stream: bool = False
    idempotent: bool = False
    timed: bool = False

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().split("\n")[0]

    @property
    def noted(self) -> bool:
        """Whether its calls are written to the log of operators' acts."""
        return self.caller is Operator and (self.watched or self.method != "GET")

    @property
    def name(self) -> str:
        """The handler's name, which is the operation's id."""
        return getattr(self.handler, "__name__", "")


class Routes(list[Route]):
    """A feature's routes. `tag` is its chapter in the reference."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag = tag

    def _route(self, method: str, path: str, **said: Any) -> Callable[[Handler], Handler]:
        said.setdefault("also", {})
        said.setdefault("problems", ())

        def enter(handler: Handler) -> Handler:
            self.append(Route(method=method, path=path, handler=handler, **said))
            return handler

        return enter

    def get(self, path: str, **said: Any) -> Callable[[Handler], Handler]:
        """A GET route; see Route for what may be said."""
        return self._route("GET", path, **said)

    def post(self, path: str, **said: Any) -> Callable[[Handler], Handler]:
        """A POST route."""
        return self._route("POST", path, **said)

    def patch(self, path: str, **said: Any) -> Callable[[Handler], Handler]:
        """A PATCH route: its body says what is to be different (RFC 7396 in spirit; what is left out stays)."""
        return self._route("PATCH", path, **said)

    def delete(self, path: str, **said: Any) -> Callable[[Handler], Handler]:
        """A DELETE route."""
        return self._route("DELETE", path, **said)
