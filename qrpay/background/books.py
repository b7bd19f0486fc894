"""The keeper of the books: follows the log all the time, signs it once a minute, and audits everything at night."""

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from qrpay.background import metrics
from qrpay.ledger import audit
from qrpay.ledger.caps import bank_day
from qrpay.ledger.seals import CHUNK_MAX, REST_S
from qrpay.problem import Refused

if TYPE_CHECKING:
    from qrpay.core import Core

log = structlog.get_logger()

EVERY_S: Final = 1.0
NIGHTLY_S: Final = 60.0
NIGHT: Final = timedelta(hours=4)
BEIJING: Final = timedelta(hours=8)
SIGN_S: Final = 60.0


class Keeper:
    """Keeps the books of one leader."""

    def __init__(self) -> None:
        self._sign_at = 0.0

    async def follow(self, core: "Core") -> int:
        """Seal what was posted, and compare the accounts that moved; 0 when nothing is left."""
        books = core.ledger.books
        sealed = await books.follow(REST_S) or 0
        metrics.ledger_sealed_total.inc(sealed)
        if time.monotonic() >= self._sign_at:
            await books.sign(Keys(core))
            metrics.ledger_discrepancies.set(len(await books.discrepancies()))
            self._sign_at = time.monotonic() + SIGN_S
        return sealed if sealed == CHUNK_MAX else 0


async def nightly(core: "Core") -> int:
    """Audit everything, once a night from `audit_hour` on; or go on with what was interrupted.

    A night that was missed is not made up for by day, when people pay.
    """
    now = core.clock()
    today = bank_day(now)
    begins = datetime(today.year, today.month, today.day, tzinfo=UTC) - BEIJING
    begins += timedelta(hours=core.settings.audit_hour)
    last = await audit.latest(core.database)
    if not begins <= now < begins + NIGHT or (last and last[0].ended_at is not None and last[0].began_at >= begins):
        return 0
    await audited(core, lambda _stage, _done, _total: None)
    return 0


async def audited(core: "Core", progress: audit.Progress) -> audit.Audit:
    """Audit everything, and say in log and metrics what was found."""
    done = await audit.run(core.database, core.ledger.books, Keys(core), core.clock, progress, core.checks)
    for finding in done.findings:
        log.error("ledger_audit_finding", kind=finding.kind, what=finding.what, detail=finding.detail)
    metrics.ledger_audit_findings.set(len(done.findings))
    metrics.ledger_audited_at.set(done.began_at.timestamp())
    log.info("ledger_audited", audit=done.number, findings=len(done.findings), transfers=done.transfers,
             accounts=done.accounts, position=done.position)  # fmt: skip
    return done


class Keys:
    """The house's keys, as those who seal the log need them: seals are signed by the key of receipts."""

    def __init__(self, core: "Core") -> None:
        self._core = core

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """See Notary."""
        signer = self._core.keyring.signer("receipt", self._core.clock())
        return signer.kid, signer.sign(message)

    def holds(self, kid: str, signature: bytes, message: bytes) -> bool | None:
        """See Notary."""
        try:
            verifier = self._core.keyring.verifier(kid, self._core.clock(), "receipt")
        except Refused:
            return None
        return verifier.holds(signature, message)
