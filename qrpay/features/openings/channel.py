"""Parties outside that verify a person: the identity service, which banks answer too, and the sender of SMS."""

from typing import Any, Final, Protocol

import aiohttp
import msgspec

from qrpay.features.openings.model import Details, Sms, Verdict
from qrpay.settings import Settings

TIMEOUT_S: Final = 10.0
ANSWER_MAX: Final = 10_000


class PartyAwayError(Exception):
    """It did not answer, or not what we understand; whether it did what it was asked is not known."""


class IdentityService(Protocol):
    """Says whether elements belong to one person: name and ID number; with a card, also phone, card and its class."""

    async def check(self, person: Details, reference: str) -> Verdict:
        """Compare what is given; empty elements are left out. Raises PartyAwayError."""
        ...


class SmsSender(Protocol):
    """Sends text messages; one that bears a reference it has seen is not sent again."""

    async def send(self, sms: Sms, reference: str) -> None:
        """Hand it over. Raises PartyAwayError."""
        ...


class HttpIdentity:
    """The identity service over HTTP: `POST /checks`."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._token = settings.identity_url, settings.identity_token

    async def check(self, person: Details, reference: str) -> Verdict:
        """See IdentityService."""
        said = {"reference": reference, "name": person.name, "id_number": person.id_number}
        if person.card:
            said |= {"phone": person.phone, "card": person.card, "bank": person.bank}
        answer = await _post(self._url, "/checks", self._token, said)
        try:
            return msgspec.json.decode(answer, type=Verdict)
        except msgspec.DecodeError as defect:
            raise PartyAwayError("the identity service answers in another form") from defect


class HttpSms:
    """The sender of SMS over HTTP: `POST /messages`."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._token = settings.sms_url, settings.sms_token

    async def send(self, sms: Sms, reference: str) -> None:
        """See SmsSender."""
        await _post(self._url, "/messages", self._token, {"reference": reference, "phone": sms.phone, "text": sms.text})


async def _post(url: str, path: str, token: str, said: dict[str, Any]) -> bytes:
    if not url:
        raise PartyAwayError("its address is not set")
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.post(
                url.rstrip("/") + path, data=msgspec.json.encode(said), headers=headers, allow_redirects=False
            ) as answer,
        ):
            body = await answer.content.read(ANSWER_MAX)
            if not 200 <= answer.status < 300:
                raise PartyAwayError(f"it answered {answer.status}")
            return body
    except (aiohttp.ClientError, OSError, TimeoutError) as defect:
        raise PartyAwayError(type(defect).__name__) from defect
