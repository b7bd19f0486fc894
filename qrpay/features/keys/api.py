"""The public key set."""

from typing import Final

from qrpay.web.routes import PUBLIC, Call, Document, Nothing, Routes

routes = Routes("Keys")

MAX_AGE_S: Final = 3_600
"""How long a reader may keep the set (rules.md 4.4); a new key is published for at least twice as long."""


@routes.get("/.well-known/jwks.json", caller=PUBLIC, returns=Document, media_type="application/jwk-set+json")
async def jwks(call: Call, _ask: Nothing) -> Document:
    """The public keys that verify codes, receipts and webhooks (RFC 7517).

    `purpose` says which of the three a key signs. Keys stay until nothing they signed is alive; a leaked key is gone.
    """
    max_age = min(MAX_AGE_S, call.core.settings.key_publish_s // 2)
    return Document(
        call.core.keyring.jwks(call.core.clock()),
        "application/jwk-set+json",
        {"Cache-Control": f"public, max-age={max_age}", "Access-Control-Allow-Origin": "*"},
    )
