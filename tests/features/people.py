"""People of the bank for tests: taken on, enrolled, signed in."""

import asyncio
import base64
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from msgspec import Struct

from qrpay.core import Core
from qrpay.demo import DemoOperator
from qrpay.features.operators import sessions, store
from qrpay.features.operators.model import Enrol, OperatorRow
from qrpay.values import Id, new_id
from qrpay.web.callers import OperatorRole
from tests.web.world import Api

PASSWORD = "correct horse battery staple"


class Person(Struct):
    """Somebody signed in; `headers` make a call theirs."""

    id: Id
    name: str
    secret: str
    headers: dict[str, str]

    def code(self, core: Core, ahead: int = 0) -> str:
        """What the authenticator shows now, or so many steps later."""
        return code_of(core, self.secret, ahead)


def code_of(core: Core, secret: str, ahead: int = 0) -> str:
    """The six digits of a secret in base32, at the house's time."""
    return code_at(secret, core.clock().timestamp() + 30 * ahead)


def code_at(secret: str, at: float) -> str:
    """The same at a time in Unix seconds."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return TOTP(key, 6, SHA1(), 30).generate(at).decode()


async def signed_in(core: Core, role: OperatorRole, name: str = "") -> Person:
    """Take somebody on, enrol and sign them in."""
    row, link = await sessions.add(core, name or f"{role}-{new_id().hex}", role)
    secret = sessions.totp_text(core, row)
    text, _ = await sessions.enrol(core, Enrol(link, PASSWORD, code_of(core, secret, -1)), row.name)
    return Person(row.id, row.name, secret, headers_of(text))


def headers_of(session: str) -> dict[str, str]:
    """What a page of ours sends with a session."""
    return {"Cookie": f"{sessions.COOKIE}={session}", "X-Requested-With": "qrpay"}


async def row_of(core: Core, person: Person) -> OperatorRow:
    """How somebody is kept."""
    row = await store.operator(core.database, person.id)
    assert row is not None
    return row


_used: dict[str, int] = {}
_sessions: dict[tuple[str, str], str] = {}


async def next_code(who: DemoOperator) -> str:
    """A code of somebody of the demo that was not used yet: each is good once, and not before its time."""
    while (step := max(int(time.time()) // 30, _used.get(who.totp_secret, 0) + 1)) > int(time.time()) // 30 + 1:
        await asyncio.sleep(1)  # three sign-ins within half a minute: the third waits for its code
    _used[who.totp_secret] = step
    return code_at(who.totp_secret, step * 30)


async def session_of(api: Api, who: DemoOperator) -> str:
    """A session of somebody of the demo, signed in through the door; once a server."""
    known = _sessions.get((api.demo.base_url, who.name))
    if known is None:
        body = {"name": who.name, "password": who.password, "totp": await next_code(who)}
        said = await api.post("/v1/operators/sessions", body=body)
        assert said.status == 201, said.body
        known = said.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
        _sessions[api.demo.base_url, who.name] = known
    return known
