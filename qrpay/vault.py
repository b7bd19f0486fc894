"""Vault: the one secret at rest. It seals private keys, signs access tokens, hashes what is looked up blindly."""

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from qrpay.folders import private_folder
from qrpay.settings import BadSettings, Settings

MASTER_BYTES: Final = 32


class Vault:
    """Keys derived from one master key, one a purpose. Processes that share the master understand each other."""

    def __init__(self, master: bytes) -> None:
        assert len(master) == MASTER_BYTES
        self._master = master
        self._keys: dict[str, bytes] = {}

    @classmethod
    def open(cls, settings: Settings) -> "Vault":
        """From QRPAY_MASTER_KEY, or from `master.key` in the home folder, which is made once (0600)."""
        if settings.master_key:
            try:
                master = base64.b64decode(settings.master_key, validate=True)
            except binascii.Error as defect:
                raise BadSettings("QRPAY_MASTER_KEY is no base64: make one with `openssl rand -base64 32`") from defect
            if len(master) != MASTER_BYTES:
                raise BadSettings("QRPAY_MASTER_KEY must hold 32 bytes: make one with `openssl rand -base64 32`")
            return cls(master)
        return cls(_master_file(settings.folder / "master.key"))

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        if purpose not in self._keys:
            self._keys[purpose] = hashlib.blake2b(purpose.encode(), key=self._master, digest_size=32).digest()
        return self._keys[purpose]

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Encrypt for rest: AES-256-GCM, a random 96-bit nonce in front."""
        nonce = os.urandom(12)
        return nonce + AESGCM(self.key(purpose)).encrypt(nonce, plain, purpose.encode())

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """The plain text; BadSettings when the master key is not the one that sealed it."""
        try:
            return AESGCM(self.key(purpose)).decrypt(sealed[:12], sealed[12:], purpose.encode())
        except InvalidTag as defect:
            raise BadSettings("the master key is not the one this database was set up with") from defect

    def mac(self, purpose: str, data: bytes, size: int = 32) -> bytes:
        """A keyed hash, for tokens and for looking up a secret without storing it."""
        return hashlib.blake2b(data, key=self.key(purpose), digest_size=size).digest()

    def same(self, ours: bytes, theirs: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(ours, theirs)


def _master_file(path: Path) -> bytes:
    private_folder(path.parent)
    if not path.exists():
        # Written aside and linked into place: of two processes that start at once, one wins and both read the same.
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.touch(0o600)
        aside.write_bytes(os.urandom(MASTER_BYTES))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    master = path.read_bytes()
    if len(master) != MASTER_BYTES:
        raise BadSettings(f"{path.name} is damaged: bring it back from a copy, private keys were sealed with it")
    return master
