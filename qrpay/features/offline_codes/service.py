"""The rules of terminals that sign codes without a network: certified for hours, bounded by the ledger, revoked."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from qrpay.codes import offline
from qrpay.codes.payload import CodeContent
from qrpay.codes.problems import code_expired, code_forged, code_malformed, code_revoked, code_unknown_key
from qrpay.codes.signing import from_base64url, public_key_defect, to_base64url
from qrpay.core import Core
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants import terminals
from qrpay.features.offline_codes import allowance, store
from qrpay.features.offline_codes.model import NewOfflineKey, OfflineKey, OfflineKeyRow, Status
from qrpay.features.offline_codes.problems import offline_codes_unfit, offline_key_taken, terminal_clock_wrong
from qrpay.features.orders import store as order_store
from qrpay.features.orders.model import OrderRow
from qrpay.ledger.model import CHANGES_MAX
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import CURRENCIES, Id, id_from_text, id_text, id_time_ms, new_id, rfc3339
from qrpay.web.callers import Merchant

PREFIX: Final = "ofk_"
KEYS_SHOWN_MAX: Final = 50
KEYS_MAX: Final = CHANGES_MAX // 2
"""Keys of one terminal that are revoked at once; more do not live side by side, at one every few minutes for days."""
UUID_7: Final = 7
_SAME: Final = ("merchant", "reference", "amount", "currency", "store", "terminal", "source")


# Certifying ----------------------------------------------------------------------------------------------------


async def certify(core: Core, caller: Merchant, path: str, ask: NewOfflineKey) -> tuple[OfflineKey, bool]:
    """Certify a terminal's key, and whether it is new. Safe to repeat: the public key names it.

    Refuses `not_found`, `invalid_field` for what is no key or asks for more than the bank allows, `offline_key_taken`,
    `offline_codes_unfit`.
    """
    terminal = own_terminal(caller, path)
    public = from_base64url(ask.public_key)
    defect = "It is 32 bytes in base64url." if public is None else public_key_defect(public)
    if defect:
        raise invalid_field(errors=[FieldError("/public_key", defect)])
    assert public is not None
    row = await _new_row(core, caller.id, terminal, public, ask)
    await store.keep(core.database, row)
    [stands] = await store.keys(core.database, [public])
    assert stands is not None
    if (stands.merchant, stands.terminal) != (caller.id, terminal):
        raise offline_key_taken()
    # Before anybody has the certificate; what was granted already is not granted again.
    await allowance.grant(core, stands)
    return (await views(core, [stands]))[0], stands.id == row.id


def own_terminal(caller: Merchant, path: str) -> Id:
    """The terminal of this path, as far as the caller may act for it. Raises `not_found`."""
    terminal = id_from_text("ter_", path)
    bound = caller.bounds.terminal if caller.bounds else None
    if terminal is None or bound not in (None, terminal):
        raise not_found()
    return terminal


async def _new_row(core: Core, merchant: Id, terminal: Id, public: bytes, ask: NewOfflineKey) -> OfflineKeyRow:
    if ask.currency not in CURRENCIES:
        raise invalid_field(errors=[FieldError("/currency", "This currency is not served.")])
    await merchants.ensure_account(core, merchant, ask.currency)
    place = await merchants.place(core, merchant, None, terminal)
    assert place.store is not None and place.terminal is not None
    settings, card, now = core.settings, await merchants.directory(core, merchant), core.clock()
    most = {
        "expires_in": settings.offline_key_s, "code_max": settings.offline_code_max,
        "total_max": settings.offline_total_max, "count_max": settings.offline_count_max,
    }  # fmt: skip
    asked = {name: getattr(ask, name) or limit for name, limit in most.items()}
    errors = [FieldError(f"/{name}", f"At most {most[name]}.") for name in most if asked[name] > most[name]]
    if asked["code_max"] < offline.UNIT:
        errors.append(FieldError("/code_max", f"At least {offline.UNIT}."))
    if errors:
        raise invalid_field(errors=errors)
    expires_at = (now + timedelta(seconds=asked["expires_in"])).replace(microsecond=0)
    code_max = asked["code_max"] // offline.UNIT * offline.UNIT
    try:
        head = offline.head_of(
            settings.code_guid, merchant, card.mcc, ask.currency, card.country, card.name_latin, card.city,
            terminal=place.terminal.code,
        )  # fmt: skip
    except AssertionError:
        raise offline_codes_unfit() from None
    signer = core.keyring.signer("terminal", now)
    certificate = offline.Certificate(public, int(expires_at.timestamp()), code_max)
    return OfflineKeyRow(
        id=new_id(int(now.timestamp() * 1000)), merchant=merchant, store=place.store.id, terminal=terminal,
        public=public, head=head, terminal_code=place.terminal.code,
        certificate=offline.certify(head, place.terminal.code, certificate, signer), kid=signer.kid,
        currency=ask.currency, code_max=code_max, total_max=asked["total_max"], count_max=asked["count_max"],
        created_at=now, expires_at=expires_at, revoked_at=None,
    )  # fmt: skip


async def listed(core: Core, caller: Merchant, path: str) -> Sequence[OfflineKey]:
    """The latest keys of a terminal, newest first."""
    terminal = own_terminal(caller, path)
    return await views(core, await store.of_terminal(core.database, caller.id, terminal, KEYS_SHOWN_MAX))


async def revoke(core: Core, merchant: Id, path: str) -> Sequence[OfflineKey]:
    """Revoke all keys of a terminal, such as a stolen one: no code of them is paid from now on. Safe to repeat.

    The ledger decides it, by freezing what the keys draw on: a payment that races with it is paid before, or never.
    """
    terminal = id_from_text("ter_", path)
    if terminal is None:
        raise not_found()
    await merchants.place(core, merchant, None, terminal)
    rows = await store.of_terminal(core.database, merchant, terminal, KEYS_MAX)
    await allowance.freeze(core, rows)
    await store.revoke(core.database, merchant, terminal, core.clock())
    return await views(core, await store.of_terminal(core.database, merchant, terminal, KEYS_SHOWN_MAX))


async def views(core: Core, rows: Sequence[OfflineKeyRow]) -> list[OfflineKey]:
    """Keys as their merchant sees them; what is used of each is the ledger's word."""
    used = await allowance.used(core, rows)
    now = core.clock()
    return [
        OfflineKey(
            id=id_text(PREFIX, row.id), terminal=id_text("ter_", row.terminal), status=_status(row, now),
            public_key=to_base64url(row.public), head=row.head, terminal_code=row.terminal_code,
            certificate=row.certificate, kid=row.kid, guid=core.settings.code_guid, currency=row.currency,
            code_max=row.code_max, total_max=row.total_max, count_max=row.count_max,
            code_s=core.settings.offline_code_s, used=used[row.id][0], count_used=used[row.id][1],
            created_at=rfc3339(row.created_at), expires_at=rfc3339(row.expires_at),
            revoked_at=rfc3339(row.revoked_at) if row.revoked_at else None, now=rfc3339(now),
        )
        for row in rows
    ]  # fmt: skip


def _status(row: OfflineKeyRow, now: datetime) -> Status:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if now >= row.expires_at else "active"


# Paying --------------------------------------------------------------------------------------------------------


async def key_of(core: Core, content: CodeContent) -> OfflineKeyRow:
    """The key behind a code whose certificate and signature hold. Raises `code_unknown_key`."""
    assert content.certificate is not None
    row = await core.batcher("offline_keys", store.keys).add(content.certificate.public)
    if row is None or row.merchant != content.merchant:
        raise code_unknown_key(kid=content.certificate.kid)
    return row


async def check(core: Core, content: CodeContent, key: OfflineKeyRow) -> None:
    """Whether such a code may be paid now.

    Refuses `code_revoked` (also when its terminal was taken away since), `terminal_clock_wrong`, `code_expired`, and an
    order's id that no terminal makes: a UUIDv7 of the certificate's life, so that it is no claim of the house.
    """
    settings, now = core.settings, core.clock()
    skew = timedelta(seconds=settings.offline_skew_s)
    revoked_at = key.revoked_at or await terminals.taken_away(core, key.terminal, key.created_at)
    if revoked_at is not None:
        raise code_revoked(revoked_at=rfc3339(revoked_at))
    assert content.order is not None
    ahead_s = content.expires_at - now.timestamp() - settings.offline_code_s
    if ahead_s > settings.offline_skew_s:
        raise terminal_clock_wrong(ahead_s=int(ahead_s))
    ends = ends_at(core, content)
    if now >= ends:
        raise code_expired(expired_at=rfc3339(ends))
    made_at = datetime.fromtimestamp(id_time_ms(content.order) / 1000, UTC)
    # By a clock that is behind, a first code is older than the certificate.
    since = key.created_at - skew - timedelta(seconds=settings.offline_code_s)
    if content.order.version != UUID_7 or not since <= made_at <= key.expires_at + skew:
        raise code_malformed(reason="no_id_of_a_terminal", at="62/05")


def ends_at(core: Core, content: CodeContent) -> datetime:
    """Until when such a code is paid: a clock that is a little behind is forgiven."""
    return datetime.fromtimestamp(content.expires_at + core.settings.offline_skew_s, UTC)


async def order_for(core: Core, content: CodeContent, key: OfflineKeyRow) -> OrderRow:
    """The order of such a code: as the terminal brought it before, or kept now. Story first, money last.

    Refuses `code_forged` when the id in the code is another order's.
    """
    assert content.order is not None and content.amount is not None
    made_at = datetime.fromtimestamp(id_time_ms(content.order) / 1000, UTC)
    row = OrderRow(
        id=content.order, merchant=key.merchant, reference=id_text("O-", content.order), amount=content.amount,
        currency=content.currency, description=None, store=key.store, terminal=key.terminal, metadata=None,
        presented_by="merchant", payment_code=None, created_at=made_at, expires_at=ends_at(core, content),
        source=key.id,
    )  # fmt: skip
    stands = await core.batcher("orders_by_code", order_store.keep_by_code).add(row)
    if stands is None or any(getattr(stands, name) != getattr(row, name) for name in _SAME):
        raise code_forged(reason="order_of_another")
    return stands
