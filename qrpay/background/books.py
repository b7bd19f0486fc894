"""The keeper of the books: follows the log all the time, and signs it once a minute."""

import time
from typing import TYPE_CHECKING, Final

from qrpay.background import metrics
from qrpay.ledger.seals import CHUNK_MAX, sealed_message

if TYPE_CHECKING:
    from qrpay.core import Core

EVERY_S: Final = 1.0
SIGN_S: Final = 60.0


class Keeper:
    """Keeps the books of one leader."""

    def __init__(self) -> None:
        self._sign_at = 0.0

    async def follow(self, core: "Core") -> int:
        """Seal what was posted, and compare the accounts that moved; 0 when nothing is left."""
        books = core.ledger.books
        sealed = await books.follow() or 0
        metrics.ledger_sealed_total.inc(sealed)
        if time.monotonic() >= self._sign_at:
            await sign(core)
            metrics.ledger_discrepancies.set(len(await books.discrepancies()))
            self._sign_at = time.monotonic() + SIGN_S
        return sealed if sealed == CHUNK_MAX else 0


async def sign(core: "Core") -> None:
    """Put our name under all that is sealed, so that nobody who rewrites the log can rewrite its seals as well."""
    head = await core.ledger.books.head()
    if head.position and not head.signed:
        signer = core.keyring.signer("receipt", core.clock())
        await core.ledger.books.sign(head, signer.kid, signer.sign(sealed_message(head.position, head.root)))
