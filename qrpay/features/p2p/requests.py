"""The rules of requests for money: its id is posted once, by its payment, a decline or a withdrawal."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal

from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.problems import account_takes_no_transfers
from qrpay.features.p2p import service, store
from qrpay.features.p2p.model import (
    ListQuery,
    MoneyRequest,
    NewRequest,
    NewSplit,
    P2PTransfer,
    Pay,
    RequestRow,
    Row,
    Split,
)
from qrpay.features.p2p.problems import request_expired, request_settled
from qrpay.features.payments.problems import OF_RESULT
from qrpay.ledger.chart import TransferCode
from qrpay.ledger.markers import marker
from qrpay.ledger.model import Posted, Result
from qrpay.problem import FieldError, idempotency_key_reused, invalid_field, not_found
from qrpay.values import Id, Page, claim, id_from_text, id_text, rfc3339
from qrpay.web.callers import Wallet

DAYS: Final = 7
"""How long a request may be paid."""
Status = Literal["open", "paid", "declined", "withdrawn", "expired"]
ENDS: Final[Mapping[int, Status]] = {
    TransferCode.P2P: "paid",
    TransferCode.REQUEST_DECLINED: "declined",
    TransferCode.REQUEST_WITHDRAWN: "withdrawn",
}


async def ask(core: Core, wallet: Wallet, key: str | None, new: NewRequest) -> tuple[MoneyRequest, bool]:
    """Ask somebody for money, and whether it was asked just now. Safe to repeat under its key."""
    id_ = service.claimed_id("money_request", wallet, key)
    said = core.vault.mac("money-request", repr((new.payer, new.amount, new.note, new.account)).encode())
    known = await store.requests(core.database, [id_])
    if id_ not in known:
        [row] = await _rows(core, wallet, [id_], [new.payer], new.amount, new.note, new.account, None, said)
        await store.add_requests(core.database, [row])
    row = (await store.requests(core.database, [id_]))[id_]
    _same(core, row.ask_hash, said)
    return (await views(core, wallet.id, [row]))[0], id_ not in known


async def split(core: Core, wallet: Wallet, key: str | None, new: NewSplit) -> tuple[Split, bool]:
    """Split a bill: one request to each of the others, of an equal share. Safe to repeat under its key."""
    id_ = service.claimed_id("bill_split", wallet, key)
    said = core.vault.mac("bill-split", repr((list(new.payers), new.total, new.note, new.account)).encode())
    known = await store.split(core.database, id_)
    if not known:
        share = new.total // (len(new.payers) + 1)
        if share == 0:
            raise invalid_field(errors=[FieldError("/total", "It is too little to be split among so many.")])
        ids = [claim("bill_share", id_, number) for number in range(len(new.payers))]
        rows = await _rows(core, wallet, ids, new.payers, share, new.note, new.account, id_, said)
        if len({row.payer for row in rows}) < len(rows):
            raise invalid_field(errors=[FieldError("/payers", "Somebody is named twice.")])
        await store.add_requests(core.database, rows)
    rows = await store.split(core.database, id_)
    _same(core, rows[0].ask_hash, said)
    return Split(id_text("spl_", id_), await views(core, wallet.id, rows)), not known


def _same(core: Core, kept: bytes, said: bytes) -> None:
    if not core.vault.same(kept, said):
        raise idempotency_key_reused(errors=[FieldError("", "The request differs from what was sent first.")])


async def _rows(
    core: Core, wallet: Wallet, ids: Sequence[Id], payers: Sequence[str], amount: int, note: str | None,
    account: str | None, split_: Id | None, said: bytes,
) -> list[RequestRow]:  # fmt: skip
    to = await service.own_account(core, wallet, account)
    owned = await e_accounts.owned_account(core, wallet.id, to)
    if not owned.unbound_credits:
        raise account_takes_no_transfers()
    who = [await service.payee_of(core, wallet, payer) for payer in payers]
    if any(payer.customer == wallet.id for payer in who):
        raise OF_RESULT[Result.ACCOUNTS_MUST_BE_DIFFERENT]()
    now = core.clock()
    return [
        RequestRow(id_, split_, wallet.id, to, payer.customer, amount, owned.currency, note, said, now,
                   now + timedelta(days=DAYS))
        for id_, payer in zip(ids, who, strict=True)
    ]  # fmt: skip


# Answering -----------------------------------------------------------------------------------------------------


async def pay(core: Core, wallet: Wallet, path: str, ask: Pay) -> P2PTransfer:
    """Pay what somebody asks for; paying again answers with the same transfer.

    Refuses `not_found`, `request_settled`, `request_expired`, and what a transfer refuses.
    """
    one = await _request(core, path)
    if one.payer != wallet.id:
        raise not_found()
    told = (await store.by_ids(core.database, [one.id])).get(one.id)
    status = (await _statuses(core, [one]))[one.id]
    if status not in ("open", "paid"):
        raise request_expired() if status == "expired" else request_settled(status=status)
    if told is None:
        row = Row(
            one.id, wallet.id, await service.own_account(core, wallet, ask.account), one.asker, one.asker_account,
            one.amount, one.currency, one.note, one.ask_hash, core.clock(),
        )  # fmt: skip
        await store.add(core.database, row)
        told = (await store.by_ids(core.database, [one.id]))[one.id]
    return (await service.move(core, wallet, told, ask.pin))[0]


async def close(core: Core, wallet: Wallet, path: str) -> MoneyRequest:
    """Say no to a request, or take one's own back: for good, it can never be paid. Safe to repeat."""
    one = await _request(core, path)
    if wallet.id not in (one.payer, one.asker):
        raise not_found()
    code = TransferCode.REQUEST_DECLINED if one.payer == wallet.id else TransferCode.REQUEST_WITHDRAWN
    outcome = await core.ledger.post(marker(one.id, code, one.id))
    if not outcome.result.stands:
        raise request_settled(status=(await _statuses(core, [one]))[one.id])
    return (await views(core, wallet.id, [one]))[0]


async def _request(core: Core, path: str) -> RequestRow:
    id_ = id_from_text("mrq_", path)
    row = (await store.requests(core.database, [id_])).get(id_) if id_ else None
    if row is None:
        raise not_found()
    return row


# Looking -------------------------------------------------------------------------------------------------------


async def read(core: Core, wallet: Wallet, path: str) -> MoneyRequest:
    """One request. Raises `not_found`, also for other people's."""
    row = await _request(core, path)
    if wallet.id not in (row.asker, row.payer):
        raise not_found()
    return (await views(core, wallet.id, [row]))[0]


async def page(core: Core, wallet: Wallet, ask: ListQuery) -> Page[MoneyRequest]:
    """What I asked for and what I am asked for, newest first."""
    before = None
    if ask.cursor is not None:
        id_ = id_from_text("mrq_", ask.cursor)
        before = (await store.requests(core.database, [id_])).get(id_) if id_ else None
        if before is None or wallet.id not in (before.asker, before.payer):
            raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this list.")])
    at, below = (before.created_at, before.id) if before else (None, None)
    rows = await store.request_page(core.database, wallet.id, at, below, ask.limit + 1)
    more = id_text("mrq_", rows[ask.limit - 1].id) if len(rows) > ask.limit else None
    return Page(await views(core, wallet.id, rows[: ask.limit]), more)


async def _statuses(core: Core, rows: Sequence[RequestRow]) -> dict[Id, Status]:
    posted: Mapping[Id, Posted] = await core.ledger.lookup_transfers([row.id for row in rows])
    now = core.clock()
    return {
        row.id: ENDS[posted[row.id].code] if row.id in posted else "expired" if now >= row.expires_at else "open"
        for row in rows
    }


async def views(core: Core, customer: Id, rows: Sequence[RequestRow]) -> list[MoneyRequest]:
    """Requests as this customer sees them."""
    statuses = await _statuses(core, rows) if rows else {}
    names = {row.id: await _other(core, customer, row) for row in rows}
    return [
        MoneyRequest(
            id_text("mrq_", row.id), id_text("spl_", row.split) if row.split and row.asker == customer else None,
            statuses[row.id], "asked" if row.asker == customer else "owed", row.amount, row.currency, names[row.id],
            row.note, rfc3339(row.created_at), rfc3339(row.expires_at),
        )
        for row in rows
    ]  # fmt: skip


async def _other(core: Core, customer: Id, row: RequestRow) -> str:
    found = await e_accounts.customer(core, row.payer if row.asker == customer else row.asker)
    return found.name_masked if found is not None else ""
