"""The log of operators' acts: a line before each act and one with what came of it, chained by a keyed hash."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.features.operators import store
from qrpay.features.operators.model import ActRow, ActsQuery, ActView
from qrpay.values import Id, Page, id_from_text, id_of, id_text, rfc3339
from qrpay.web.callers import Acted, Operator, Outcome

PREFIX: Final = "opr_"
COMMAND_LINE: Final = id_of(bytes(16))
"""Who acts on the command line: whoever may open a shell on the server."""
_PHONE: Final = re.compile(r"\b(1[3-9][0-9])[0-9]{4}([0-9]{4})\b")
DETAIL_MAX: Final = 8_192
PLACES_MAX: Final = 200
_READ_AT_ONCE: Final = 1_000

_ID: Final = re.compile(r"[a-z]{3}_[0-7][0-9A-HJKMNP-TV-Z]{25}\Z", re.IGNORECASE)
_SECRETS: Final = frozenset({
    "password", "totp", "enrolment", "secret", "secret_key", "totp_secret", "totp_uri", "code_svg", "token",
    "access_token", "pin", "link", "credential", "challenge", "code",
})  # fmt: skip
"""Members of a request or an answer that no log may hold, whatever feature's it is."""


async def note(core: Core, operator: Operator, acted: Acted) -> Outcome:
    """Write down what is about to be done; what it returns writes down what came of it."""
    ask = msgspec.json.decode(acted.body) if acted.body else {}
    plain = without_secrets({**acted.path, **ask} if isinstance(ask, dict) else dict(acted.path))
    reason = plain.get("reason")
    line = ActRow(
        0, None, core.clock(), operator.id, operator.name, operator.role, operator.session, acted.act, ids_in(plain),
        str(reason) if reason else None, _json(plain), "asked", acted.request_id, acted.peer, b"",
    )  # fmt: skip
    written = await append(core, line)

    async def outcome(code: str, answer: object) -> None:
        told = None
        if acted.reads:  # whom somebody looked at, not what was seen
            told = {"id": getattr(answer, "id", None)}
        elif isinstance(answer, msgspec.Struct):
            told = without_secrets(msgspec.json.decode(msgspec.json.encode(answer)))
        about = sorted({*written.about, *ids_in(told)})[:50]
        await append(core, replace(
            written, asked=written.seq, at=core.clock(), about=about, detail=_json(told), outcome=code
        ))  # fmt: skip

    return outcome


async def append(core: Core, line: ActRow) -> ActRow:
    """Write the next line. Two who want one place: one gets it, the other looks again. No lock, no counter."""
    for _ in range(PLACES_MAX):
        seq, before = await store.last_act(core.database)
        line = replace(line, seq=seq + 1)
        line = replace(line, hash=_hash(core, before, line))
        if await store.insert_act(core.database, line):
            return line
    raise AssertionError("the log of acts has no place for one more line")


async def broken_at(core: Core) -> int | None:
    """The first line that does not follow from the one before it; None when the log is whole."""
    seq, before = 0, b""
    while lines := await store.acts_from(core.database, seq, _READ_AT_ONCE):
        for line in lines:
            if line.seq != seq + 1 or not core.vault.same(line.hash, _hash(core, before, line)):
                return line.seq
            seq, before = line.seq, line.hash
    return None


async def listed(core: Core, query: ActsQuery) -> Page[ActView]:
    """What was done, newest first, each with what came of it."""
    by = None if query.by is None else id_from_text(PREFIX, query.by)
    if query.by is not None and by is None:
        return Page([])
    about = query.about.lower()[:4] + query.about.upper()[4:] if query.about else None
    before = query.cursor or 2**63 - 1
    lines = await store.acts(core.database, about, by, before, query.limit + 1)
    more = len(lines) > query.limit
    lines = lines[: query.limit]
    came = await store.outcomes(core.database, [line.seq for line in lines])
    return Page([_shown(line, came.get(line.seq)) for line in lines], str(lines[-1].seq) if more else None)


def _shown(line: ActRow, came: ActRow | None) -> ActView:
    return ActView(
        line.seq, rfc3339(line.at), id_text(PREFIX, line.operator), line.name, line.role, line.act,
        came.about if came else line.about, line.reason, msgspec.Raw(line.detail.encode()),
        came.outcome if came else None, msgspec.Raw(came.detail.encode()) if came else None,
        line.request_id, line.peer,
    )  # fmt: skip


def without_secrets(said: Any) -> Any:
    """The same, without what nobody may read in a log; phone numbers masked."""
    if isinstance(said, dict):
        return {name: "…" if name in _SECRETS and value else without_secrets(value) for name, value in said.items()}
    if isinstance(said, str):
        return _PHONE.sub(r"\1****\2", said)
    return [without_secrets(part) for part in said] if isinstance(said, list | tuple) else said


def ids_in(said: Any) -> Sequence[str]:
    """The ids that stand anywhere in it, as we write them."""
    return sorted({text[:4].lower() + text[4:].upper() for text in _texts(said) if _ID.match(text)})[:50]


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict | list | tuple):
        for part in said.values() if isinstance(said, dict) else said:
            yield from _texts(part)


def _json(said: Any) -> str:
    text = msgspec.json.encode(said).decode()
    return text if len(text) <= DETAIL_MAX else '"too long to be kept"'


def _hash(core: Core, before: bytes, line: ActRow) -> bytes:
    """Over the line before and every member of this one; at to the microsecond, as the database keeps it."""
    members = [getattr(line, name) for name in ActRow.__struct_fields__ if name != "hash"]
    return core.vault.mac("operator-acts", msgspec.json.encode([before, *members]))


async def note_command(core: Core, user: str, act: str, about: Id, reason: str | None, detail: dict[str, str]) -> None:
    """Write down what somebody did on the server's command line."""
    line = ActRow(
        0, None, core.clock(), COMMAND_LINE, user, "command line", None, act, [id_text(PREFIX, about)], reason,
        _json(detail), "asked", "", "", b"",
    )  # fmt: skip
    written = await append(core, line)
    await append(core, replace(written, asked=written.seq, outcome="done"))
