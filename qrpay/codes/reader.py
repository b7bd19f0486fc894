"""Codes that are known: what was issued or scanned here is not verified again when it is paid."""

import hashlib
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from qrpay.codes.payload import GUID_MAX, LIFE_MAX_S, CodeContent, alive, sign_code, verified
from qrpay.codes.signing import Keyring, Purpose
from qrpay.memory import Memory

_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


class Reader:
    """Reads codes and remembers what held, so that a code issued or scanned here is not verified again when it is paid.

    remembered  at most so many codes, about 350 bytes each; at least the latest half of them is kept

    A code is known by a digest of its text, all of it, so another text is another code. What is remembered is forgotten
    when keys change, and when the first key that signed one of them no longer counts.
    """

    def __init__(self, keyring: Keyring, guid: str, remembered: int = 16_384) -> None:
        assert len(guid) <= GUID_MAX, f"our GUID may have {GUID_MAX} characters"
        self._keyring = keyring
        self._guid = guid
        self._version = keyring.version
        self._known: Memory[bytes, CodeContent] = Memory(remembered // 2)
        self._until = _FOREVER

    def issue(self, content: CodeContent, now: datetime) -> str:
        """The code as `sign_code` writes it with today's key, remembered: what we signed needs no verification.

        Raises `unavailable` when no key signs now.
        """
        assert content.static or content.expires_at <= now.timestamp() + LIFE_MAX_S, "a dynamic code lives a day"
        purpose: Purpose = "code" if content.order else "static"
        signer = self._keyring.signer(purpose, now)
        text = sign_code(content, signer, self._guid)
        self._remember(
            text, now, replace(content, kid=signer.kid), self._keyring.verifier(signer.kid, now, purpose).until
        )
        return text

    def verify(self, text: str, now: datetime) -> CodeContent:
        """As `read_code`, but an expired code is told by `content.expired(now)`: money already paid is read first."""
        self._forget_old(now)
        known = self._known.get(_digest(text))
        if known is None:
            known, until = verified(text, self._keyring, self._guid, now)
            self._remember(text, now, known, until)
        return known

    def _remember(self, text: str, now: datetime, content: CodeContent, until: datetime) -> None:
        self._forget_old(now)
        self._known.put(_digest(text), content)
        self._until = min(self._until, until)

    def _forget_old(self, now: datetime) -> None:
        if self._version != self._keyring.version or now >= self._until:
            self._known.clear()
            self._version = self._keyring.version
            self._until = _FOREVER

    def read(self, text: str, now: datetime) -> CodeContent:
        """As `read_code`."""
        return alive(self.verify(text, now), now)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]
