"""The receiver, a party outside: one signed POST, and what came of it. Nothing it does can hold us up."""

import asyncio
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from qrpay.features.webhooks.address import AddressRefusedError, CheckedResolver, Gate
from qrpay.features.webhooks.model import Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_MAX: Final = 65_536
"""Bytes of an answer's body we take; the rest is cut with the connection."""
RETRY_AFTER_S_MAX: Final = 3_600.0


class Receivers:
    """One HTTP session to all receivers. It follows no redirect, keeps no cookie and knows no proxy."""

    def __init__(self, gate: Gate, *, timeout_s: float, connections: int) -> None:
        self._gate = gate
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(gate), use_dns_cache=False, socket_factory=gate.socket, limit=connections
            ),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "qrpay-webhooks/1", "Content-Type": "application/json"},
        )

    async def send(self, url: str, headers: "Mapping[str, str]", body: bytes) -> Attempt:
        """Send once. Whatever the receiver does is an answer: an Attempt, never an exception."""
        if refused := self._gate.url_defect(url):
            return Attempt(None, f"refused: {refused}", 0)
        began = time.monotonic()
        status: int | None = None
        retry_after_s: float | None = None
        error: str | None = None
        try:
            async with self._session.post(URL(url), data=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                retry_after_s = _retry_after(response.headers.get("Retry-After"))
                await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as defect:
            # A body that breaks off or drags on after a status takes nothing back: the receiver has spoken.
            error = None if status is not None else _reason(defect)
        if error is None and status is not None and not 200 <= status < 300:
            error = f"the receiver answered {status}"
        return Attempt(status, error, round((time.monotonic() - began) * 1_000), retry_after_s)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()


async def _read(response: aiohttp.ClientResponse) -> None:
    """Take a short body, so that the connection can be used again; cut a long one."""
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > ANSWER_MAX:
            response.close()
            return


def _reason(defect: BaseException) -> str:
    """Why there was no answer, in words that hold nothing of ours."""
    cause = getattr(defect, "os_error", None) or getattr(defect, "certificate_error", None) or defect
    match cause:
        case AddressRefusedError():
            return f"refused: {cause}"
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLError():
            return f"TLS failed: {getattr(cause, 'verify_message', None) or cause.reason or 'no handshake'}"[:200]
        case ConnectionRefusedError():
            return "connection refused"
        case OSError() if isinstance(defect, aiohttp.ClientConnectorDNSError):
            return "the host name does not resolve"
        case _:
            return f"connection failed ({type(cause).__name__})"


def _retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 10.2.3), in either form, at most an hour."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), RETRY_AFTER_S_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), RETRY_AFTER_S_MAX)
