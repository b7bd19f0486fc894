"""Sign-in and sessions: both factors at once, a code used once, ended at once, and nobody locked out by a stranger."""

import base64
import os
import secrets
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from qrpay.core import Core
from qrpay.features.operators import acts, passwords, store
from qrpay.features.operators.model import Enrol, EnrolmentView, Me, OperatorRow, SessionRow, SignIn
from qrpay.features.operators.problems import (
    enrolment_unknown,
    operator_name_taken,
    second_factor_locked,
    sign_in_refused,
)
from qrpay.problem import not_found, unauthenticated
from qrpay.values import Id, id_text, new_id, rfc3339
from qrpay.web.callers import DUTIES, Acted, Operator, OperatorRole
from qrpay.web.dispatch import cookie_name
from qrpay.web.limits import Limit

COOKIE: Final = "qrpay_operator"
SESSION: Final = timedelta(hours=8)
"""A session ends after so long whatever happens,"""
IDLE: Final = timedelta(minutes=15)
"""and after so long without a call."""
SEEN: Final = timedelta(seconds=30)
"""How exactly a session's last use is kept: not every call is a write."""
ENROLMENT: Final = timedelta(hours=24)

STEP_S: Final = 30
MISSES_MAX: Final = 5
LOCK: Final = timedelta(minutes=15)
# Who guesses is slowed down where he is: a limit on the name would let any stranger lock somebody out.
_limits: Final[dict[int, Limit]] = {}

_NOBODY: Final = Id(int=0)


def totp_of(secret: bytes) -> TOTP:
    """Six digits each half minute (RFC 6238), by HMAC-SHA-1: what every authenticator understands."""
    return TOTP(secret, 6, SHA1(), STEP_S)  # noqa: S303 - RFC 6238's; collisions of the hash do not touch an HMAC


# Enrolment -----------------------------------------------------------------------------------------------------


async def add(core: Core, name: str, role: OperatorRole) -> tuple[OperatorRow, str]:
    """Take somebody on; with the text of the link, good once and for a day. Raises `operator_name_taken`."""
    id_, link, now = new_id(), secrets.token_urlsafe(24), core.clock()
    row = OperatorRow(id_, name, role, None, _new_totp(core), 0, None, now, None)
    if not await store.insert_operator(core.database, row, _enrolment_hash(core, link), now + ENROLMENT):
        raise operator_name_taken()
    return row, link


async def renew(core: Core, name: str) -> tuple[OperatorRow, str]:
    """A new link for somebody who lost a factor; the old ones end, and so do the sessions. Raises `not_found`."""
    row = await store.operator_named(core.database, name)
    if row is None or row.revoked_at is not None:
        raise not_found()
    link, now = secrets.token_urlsafe(24), core.clock()
    async with core.database.transaction() as within:
        await store.offer_enrolment(within, row.id, _new_totp(core), _enrolment_hash(core, link), now + ENROLMENT)
        await store.end_sessions(within, row.id, now)
        await store.end_passkeys(within, row.id, now)
    row = await store.operator(core.database, row.id)
    assert row is not None
    return row, link


async def named(core: Core, name: str) -> OperatorRow | None:
    """Somebody by name."""
    return await store.operator_named(core.database, name)


async def enrolment(core: Core, link: str, peer: str) -> EnrolmentView:
    """Whose link this is, and the secret for the authenticator. Raises `enrolment_unknown`."""
    row = await _enrolling(core, link, peer)
    uri, text = totp_uri(core, row), totp_text(core, row)
    from qrpay.codes import image  # what draws takes 6 MB, and people are enrolled rarely

    return EnrolmentView(row.name, row.role, uri, text, image.svg(uri))


async def enrol(core: Core, ask: Enrol, peer: str) -> tuple[str, Me]:
    """Set the password, show that the authenticator works, and be signed in.

    Raises `enrolment_unknown`, and `sign_in_refused` when the code is not the authenticator's.
    """
    row = await _enrolling(core, ask.enrolment, peer)
    step = _step(core, row, ask.totp)
    if step is None:
        tries(core).take(peer)
        raise sign_in_refused()
    phc = await passwords.phc_of(core, row.id, ask.password)
    if not await store.enrol(core.database, _enrolment_hash(core, ask.enrolment), core.clock(), phc, step):
        raise enrolment_unknown()
    return await open_session(core, row, peer, "enrol")


async def _enrolling(core: Core, link: str, peer: str) -> OperatorRow:
    if tries(core).full(peer):
        tries(core).refuse(STEP_S)
    row = await store.operator_enrolling(core.database, _enrolment_hash(core, link), core.clock())
    if row is None:
        tries(core).take(peer)
        raise enrolment_unknown()
    return row


def totp_uri(core: Core, row: OperatorRow) -> str:
    """What an authenticator scans: `otpauth://totp/…`."""
    secret = core.vault.unseal("operator-totp", row.totp)
    return totp_of(secret).get_provisioning_uri(row.name, core.settings.issuer)


def totp_text(core: Core, row: OperatorRow) -> str:
    """The secret in base32, for whoever types it."""
    return base64.b32encode(core.vault.unseal("operator-totp", row.totp)).decode().rstrip("=")


def code_at(core: Core, row: OperatorRow, steps: int = 0) -> str:
    """The six digits that somebody's authenticator shows now, or so many half minutes later."""
    at = core.clock().timestamp() + steps * STEP_S
    return totp_of(core.vault.unseal("operator-totp", row.totp)).generate(at).decode()


def _new_totp(core: Core) -> bytes:
    return core.vault.seal("operator-totp", os.urandom(20))


def _enrolment_hash(core: Core, link: str) -> bytes:
    return core.vault.mac("operator-enrolment", link.encode())


# Sign-in -------------------------------------------------------------------------------------------------------


async def sign_in(core: Core, ask: SignIn, peer: str) -> tuple[str, Me]:
    """A session, for name, password and code together; with the text for the cookie.

    Raises `sign_in_refused` alike whatever is wrong, after the same work; `rate_limited` for guessing;
    `second_factor_locked` only to whoever knows the password, so that no stranger can lock anybody out.
    """
    if tries(core).full(peer):
        tries(core).refuse(STEP_S)
    row = await store.operator_named(core.database, ask.name)
    good = await passwords.matches(core, row.id if row else _NOBODY, row.password if row else None, ask.password)
    if row is None or not good or row.revoked_at is not None:
        tries(core).take(peer)
        raise sign_in_refused()
    if row.missed_until is not None and row.missed_until > core.clock():
        raise second_factor_locked(until=rfc3339(row.missed_until))
    step = _step(core, row, ask.totp)
    if step is None or not await store.use_step(core.database, row.id, step):
        tries(core).take(peer)
        await store.count_miss(core.database, row.id, MISSES_MAX, core.clock() + LOCK)
        raise sign_in_refused()
    return await open_session(core, row, peer, "sign_in")


def _step(core: Core, row: OperatorRow, totp: str) -> int | None:
    """The time step whose code this is: now's, or a neighbour's, as clocks differ. All are compared, in equal time."""
    now = int(core.clock().timestamp()) // STEP_S
    made = totp_of(core.vault.unseal("operator-totp", row.totp))
    same = [core.vault.same(made.generate(step * STEP_S), totp.encode()) for step in (now - 1, now, now + 1)]
    return next((now - 1 + at for at, found in enumerate(same) if found), None)


async def open_session(core: Core, row: OperatorRow, peer: str, act: str) -> tuple[str, Me]:
    """A new session of somebody who has shown who it is; with the text for the cookie."""
    text, id_, now = f"ops_{secrets.token_urlsafe(32)}", new_id(), core.clock()
    caller = Operator(row.id, row.name, row.role, id_)
    # Written down first: a session that no line tells of is none.
    outcome = await acts.note(core, caller, Acted(act, {"session": id_text("ses_", id_)}, b"", "", peer))
    await store.insert_session(core.database, id_, row.id, _hash(core, text), peer, now, now + SESSION)
    await outcome("done", None)
    return text, _me(SessionRow(id_, row.id, row.name, row.role, now, now + SESSION))


def set_cookie(core: Core, text: str) -> str:
    """The header that gives a browser the session: out of reach of scripts and of other sites; gone with it."""
    secure = core.settings.url.startswith("https:")
    return f"{cookie_name(core.settings.url, COOKIE)}={text}; Path=/; HttpOnly; SameSite=Strict" + "; Secure" * secure


def clear_cookie(core: Core) -> str:
    """The header that takes it away."""
    return set_cookie(core, "") + "; Max-Age=0"


def tries(core: Core) -> Limit:
    """How often an address may fail to sign in, in this process."""
    burst = core.settings.sign_in_tries
    return _limits.setdefault(burst, Limit(1 / STEP_S, burst))


# Sessions ------------------------------------------------------------------------------------------------------


async def check(core: Core, text: str) -> Operator:
    """Whose session this is; asked anew for each call, so that one that was ended is refused at once.

    Raises `unauthenticated`.
    """
    row = await _session(core, text)
    return Operator(row.operator, row.name, row.role, row.id)


async def me(core: Core, caller: Operator) -> Me:
    """Who is signed in. The call itself has just used the session."""
    now = core.clock()
    return _me(SessionRow(caller.session, caller.id, caller.name, caller.role, now, now + SESSION))


async def _session(core: Core, text: str) -> SessionRow:
    now = core.clock()
    row = None
    if text.startswith("ops_") and text.isascii() and len(text) < 100:
        row = await store.session(core.database, _hash(core, text), now, now - IDLE)
    if row is None:
        raise unauthenticated()
    if now - row.seen_at > SEEN:
        await store.session_seen(core.database, row.id, now)
    return row


async def sign_out(core: Core, caller: Operator) -> None:
    """End the calling session."""
    await store.end_session(core.database, caller.session, core.clock())


def _me(row: SessionRow) -> Me:
    duties = sorted(DUTIES[row.role])
    idle_until = rfc3339(row.seen_at + IDLE)
    return Me(id_text(acts.PREFIX, row.operator), row.name, row.role, duties, idle_until, rfc3339(row.ends_at))


def _hash(core: Core, text: str) -> bytes:
    return core.vault.mac("operator-session", text.encode())
