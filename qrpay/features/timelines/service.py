"""The rules of timelines: what is known is told with its source, what was not measured is left out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from qrpay.background.store import last_seq
from qrpay.background.telling import event_id
from qrpay.core import Core
from qrpay.features.orders import looks
from qrpay.features.orders import service as orders
from qrpay.features.orders.model import OrderRow
from qrpay.features.timelines import store
from qrpay.features.timelines.model import Source, Step, Timeline, What
from qrpay.ledger import traces
from qrpay.ledger.chart import PAYMENTS, TransferCode
from qrpay.ledger.model import Posted
from qrpay.ledger.traces import Trace
from qrpay.problem import not_found
from qrpay.values import Id, id_text

SPANS: Final = 300
"""Spans of the log that are looked through for what tells of one transfer, from a moment before it on."""
EARLIER: Final = timedelta(seconds=2)
FORGOTTEN: Final = 2_000
_ALL: Final = [int(code) for code in TransferCode]
_WORDS: Final[dict[What, tuple[str, str]]] = {
    "opened": ("order opened", "下单"),
    "request_arrived": ("payment asked for", "收到付款请求"),
    "request_decoded": ("request read, caller known", "请求解析、身份确认"),
    "code_verified": ("code verified, rules checked, put in the queue", "验码验规则、进入队列"),
    "batch_sent": ("left the queue in a batch", "出队、随批发送"),
    "batch_committed": ("batch committed", "批次已提交"),
    "paid": ("paid", "支付成功"),
    "closed": ("closed", "关单"),
    "expired": ("ran out of time, claimed in the ledger", "超时关单"),
    "runs_out": ("runs out of time", "到期"),
    "refund": ("given back", "退款"),
    "transfer": ("transfer", "转账"),
    "event": ("told in the event log", "写入事件日志"),
    "delivery": ("webhook", "回调"),
    "settled": ("settled", "结算"),
}


async def timeline(core: Core, merchant: Id, path: str, within: Id | None = None) -> Timeline:
    """What became of a merchant's order `ord_…` or `ref:…`. Raises `not_found`, alike for unknown and another's."""
    return await _told(core, await orders.find(core, merchant, path, within))


async def timeline_of(core: Core, path: str) -> Timeline:
    """What became of any order `ord_…`. Raises `not_found`."""
    row = await orders.row_of(core, path)
    if row is None:
        raise not_found()
    return await _told(core, row)


async def forget(core: Core) -> int:
    """Remove what was measured longer ago than it is kept; 0 when nothing is left to remove."""
    before = core.clock() - timedelta(days=core.settings.trace_days)
    removed = await traces.forget(core.database, before, FORGOTTEN)
    return removed if removed == FORGOTTEN else 0


async def _told(core: Core, row: OrderRow) -> Timeline:
    posted = await orders.standing(core, row.id)
    status = looks.status_of(row, posted, core.clock())
    about = (await core.ledger.about_many([row.id], _ALL)).get(row.id, [])
    moved = {one.id: one for one in ([posted] if posted else []) + about}
    trace = None
    if posted is not None and posted.code in PAYMENTS:
        trace = await traces.trace_of(core.database, posted.id, posted.timestamp)
    steps = [_step(row.created_at, "opened", "story", detail={"amount": row.amount, "currency": row.currency})]
    if status in ("open", "expired"):
        steps.append(_step(row.expires_at, "runs_out", "story"))
    steps += _measured(trace) if trace else []
    steps += [_moved(one, row.id) for one in moved.values()]
    steps += await _logged(core, row.merchant, list(moved.values()))
    if posted is not None and posted.code in PAYMENTS and row.currency is not None:
        steps += await _settled(core, row.merchant, row.currency, posted.timestamp)
    steps.sort(key=lambda step: step.at)
    return Timeline(id_text("ord_", row.id), row.reference, status, trace is not None, steps)


def _step(
    at: datetime, what: What, source: Source, *, took_us: int | None = None, id: str | None = None,
    detail: dict[str, str | int | None] | None = None,
) -> Step:  # fmt: skip
    en, zh = _WORDS[what]
    return Step(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), what, en, zh, source, took_us, id, detail)


def _measured(trace: Trace) -> list[Step]:
    """The steps of a payment through the process that took it."""

    def ago(us: int) -> datetime:
        return trace.sent_at - timedelta(microseconds=us)

    batch: dict[str, str | int | None] = {
        "batch": trace.number, "size": trace.size, "worker": id_text("", trace.worker),
    }  # fmt: skip
    done = trace.sent_at + timedelta(microseconds=trace.took_us)
    decode_us, verify_us = trace.arrived_us - trace.decoded_us, trace.decoded_us - trace.asked_us
    return [
        _step(ago(trace.arrived_us), "request_arrived", "trace"),
        _step(ago(trace.decoded_us), "request_decoded", "trace", took_us=decode_us),
        _step(ago(trace.asked_us), "code_verified", "trace", took_us=verify_us),
        _step(trace.sent_at, "batch_sent", "trace", took_us=trace.asked_us, detail=batch),
        _step(done, "batch_committed", "trace", took_us=trace.took_us, detail=batch),
    ]


def _moved(one: Posted, order: Id) -> Step:
    kind = TransferCode(one.code)
    detail: dict[str, str | int | None] = {"kind": kind.name.lower(), "amount": one.amount}
    if one.id != order:
        return _step(one.timestamp, "refund" if kind is TransferCode.REFUND else "transfer", "ledger", detail=detail)
    if kind in PAYMENTS:
        return _step(one.timestamp, "paid", "ledger", detail=detail)
    return _step(one.timestamp, "expired" if kind is TransferCode.ORDER_EXPIRE else "closed", "ledger")


async def _logged(core: Core, merchant: Id, moved: Sequence[Posted]) -> list[Step]:
    """What the merchant was told of these transfers, and what came of calling it."""
    steps: list[Step] = []
    seqs: list[int] = []
    last = await last_seq(core.database)
    for one in moved:
        number = await store.span_before(core.database, one.timestamp - EARLIER, last)
        for event in await store.told_of(core.database, number, SPANS, [one.id], merchant):
            seqs.append(event.seq)
            id_ = id_text("evt_", event_id(core.vault, merchant, event.seq, event.created_at))
            detail: dict[str, str | int | None] = {"type": event.type, "number": event.seq}
            steps.append(_step(event.created_at, "event", "log", id=id_, detail=detail))
    for sent in await store.delivered(core.database, merchant, seqs) if seqs else ():
        said: dict[str, str | int | None] = {
            "number": sent.seq, "url": sent.url, "status": sent.status, "attempts": sent.attempts,
            "http_status": sent.last_status, "error": sent.last_error,
        }  # fmt: skip
        took_us = None if sent.last_ms is None else sent.last_ms * 1_000
        steps.append(_step(sent.last_at or sent.since, "delivery", "story", took_us=took_us, detail=said))
    return steps


async def _settled(core: Core, merchant: Id, currency: str, at: datetime) -> list[Step]:
    found = await store.settled_in(core.database, merchant, currency, at)
    if found is None:
        return []
    detail: dict[str, str | int | None] = {"business_date": found.business_date, "status": found.status}
    return [_step(found.created_at, "settled", "story", id=id_text("set_", found.id), detail=detail)]
