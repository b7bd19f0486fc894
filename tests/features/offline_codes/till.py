"""A terminal that signs codes without a network: what the till's page does, in Python."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qrpay.codes import offline
from qrpay.codes.signing import Ed25519Signer, to_base64url
from qrpay.values import Id, new_id
from tests.web.house import House


class Till:
    """A certified terminal of the shop."""

    def __init__(self, home: House, **limits: int) -> None:
        self.home = home
        self.limits = limits
        self.pair = Ed25519PrivateKey.generate()
        self.signer = Ed25519Signer("till", self.pair.private_bytes_raw())
        self.public = to_base64url(self.pair.public_key().public_bytes_raw())
        self.terminal = home.api.demo.merchant.terminal
        self.key: dict[str, Any] = {}

    async def certified(self) -> "Till":
        """Get the certificate, online."""
        said = await self.home.api.post(self.path("offline-keys"), self.home.api.shop, self.ask())
        assert said.status == 201, said.body
        self.key = said.json
        return self

    def ask(self) -> dict[str, Any]:
        return {"public_key": self.public, **self.limits}

    def path(self, end: str) -> str:
        return f"/v1/terminals/{self.terminal}/{end}"

    def code(self, amount: int = 1_250, *, order: Id | None = None, ahead_s: float = 0, **changed: Any) -> str:
        """A code, made offline by a clock that is so much ahead."""
        now = self.home.clock().timestamp() + ahead_s
        key = {**self.key, **changed}
        return offline.write_code(
            key["head"], key["terminal_code"], key["certificate"], key["kid"], self.signer, key["guid"],
            order=order or new_id(int(now * 1000)), amount=amount, currency=key["currency"],
            expires_at=int(now + key.get("life_s", key["code_s"])),
        )  # fmt: skip
