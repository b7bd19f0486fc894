"""Shifts over HTTP, and what tills took."""

from typing import Any, Final

from qrpay.features.merchants.problems import terminal_needed
from qrpay.features.orders.problems import reference_reused
from qrpay.features.shifts import service
from qrpay.features.shifts.model import Count, NewCash, NewShift, Shift, ShiftsQuery, Totals, TotalsQuery
from qrpay.features.shifts.problems import shift_closed, shift_open
from qrpay.values import Page
from qrpay.web.callers import Merchant
from qrpay.web.routes import Answer, Call, Nothing, Routes

routes: Final = Routes("Shifts")


@routes.post(
    "/v1/shifts", caller=Merchant, act="sell", body=NewShift, returns=Shift, status=201,
    problems=[shift_open, terminal_needed, reference_reused],
)  # fmt: skip
async def open_shift(call: Call, ask: NewShift) -> Any:
    """Open a shift at a till, with the cash counted; a till has one at a time. The reference names it."""
    shift, made = await service.open_shift(call.core, call.merchant, ask)
    return shift if made else Answer(shift, replayed=True)


@routes.get("/v1/shifts", caller=Merchant, act="read", query=ShiftsQuery, returns=Page[Shift])
async def list_shifts(call: Call, ask: ShiftsQuery) -> Page[Shift]:
    """List shifts, newest first; a till sees those of its store."""
    return await service.page(call.core, call.merchant, ask)


@routes.get("/v1/shifts/{shift}", caller=Merchant, act="read", returns=Shift)
async def read_shift(call: Call, _ask: Nothing) -> Shift:
    """Read a shift: its cash, what is expected of it, and what the till took."""
    return await service.read(call.core, call.merchant, call.path["shift"])


@routes.post(
    "/v1/shifts/{shift}/cash", caller=Merchant, act="sell", body=NewCash, returns=Shift,
    problems=[shift_closed, reference_reused],
)  # fmt: skip
async def add_shift_cash(call: Call, ask: NewCash) -> Shift:
    """Note cash that goes into the drawer or out of it. The reference names it; sent again, it counts once."""
    return await service.add_cash(call.core, call.merchant, call.path["shift"], ask)


@routes.post(
    "/v1/shifts/{shift}/close", caller=Merchant, act="sell", body=Count, returns=Shift, problems=[shift_closed]
)
async def close_shift(call: Call, ask: Count) -> Shift:
    """Close a shift with a count of its cash, for good; the answer says how far it is from what was expected."""
    return await service.close(call.core, call.merchant, call.path["shift"], ask)


@routes.get("/v1/till-totals", caller=Merchant, act="read", query=TotalsQuery, returns=Totals)
async def read_till_totals(call: Call, ask: TotalsQuery) -> Totals:
    """What each till took and gave back between two moments, by whose shift it was; from the ledger."""
    return await service.totals(call.core, call.merchant, ask)
