"""The clearing house, a party outside: it takes documents, and has others in its outbox. Nothing else passes."""

from collections.abc import Sequence
from typing import Final, Protocol

import aiohttp

from qrpay.features.clearing.model import Received, Sent
from qrpay.settings import Settings

TIMEOUT_S: Final = 20.0
FETCH_MAX: Final = 100
DOCUMENT_MAX: Final = 8_000_000
REFUSED: Final = frozenset({400, 409, 413, 415, 422})
"""Statuses by which the house says that it will never take this document."""


class Clearing(Protocol):
    """A way to the clearing house: HTTP to a gateway here; a bank may put files or a message queue in its place.

    Delivery is at least once in both directions, in any order: a document sent again under its MsgId is taken once, and
    what comes in is told apart by its MsgId.
    """

    async def send(self, document: bytes) -> Sent:
        """Hand over a document. Whatever the house does is an answer, never an exception."""
        ...

    async def fetch(self, after: int) -> Sequence[Received]:
        """The documents of the house's outbox after a place there, oldest first, at most FETCH_MAX. Raises OSError."""
        ...


class HttpClearing:
    """The gateway over HTTP: `POST /documents`, `GET /documents?after=N` one document an answer."""

    def __init__(self, settings: Settings) -> None:
        assert settings.clearing_url, "a channel needs QRPAY_CLEARING_URL"
        token = {"Authorization": f"Bearer {settings.clearing_token}"} if settings.clearing_token else {}
        self._url = settings.clearing_url.rstrip("/") + "/documents"
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False,
            headers={"User-Agent": "qrpay-clearing/1", "Accept": "application/xml", **token},
        )  # fmt: skip

    async def send(self, document: bytes) -> Sent:
        """See Clearing."""
        headers = {"Content-Type": "application/xml"}
        try:
            async with self._session.post(self._url, data=document, headers=headers, allow_redirects=False) as answer:
                said = (await answer.content.read(500)).decode(errors="replace")
                if 200 <= answer.status < 300:
                    return Sent(taken=True)
                return Sent(taken=False, refused=answer.status in REFUSED, why=f"{answer.status} {said}".strip())
        except (aiohttp.ClientError, OSError, TimeoutError) as defect:
            return Sent(taken=False, why=f"no answer ({type(defect).__name__})")

    async def fetch(self, after: int) -> Sequence[Received]:
        """See Clearing."""
        found: list[Received] = []
        try:
            while len(found) < FETCH_MAX:
                async with self._session.get(self._url, params={"after": str(after)}, allow_redirects=False) as answer:
                    if answer.status == 204:
                        break
                    if answer.status != 200:
                        raise OSError(f"the clearing house answered {answer.status}")
                    after = int(answer.headers["X-Place"])
                    found.append(Received(after, await _bounded(answer)))
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as defect:
            raise OSError(f"the clearing house cannot be read ({type(defect).__name__})") from defect
        return found

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    """The body, cut one byte above what is read at all: then it is refused for its size."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > DOCUMENT_MAX:
            answer.close()
            break
    return b"".join(parts)[: DOCUMENT_MAX + 1]
