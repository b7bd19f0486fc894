"""Transfers between customers, and requests for money, over HTTP."""

from typing import Any, Final

from qrpay.codes.problems import code_expired
from qrpay.features.e_accounts.problems import account_takes_no_transfers, pin_locked, pin_wrong
from qrpay.features.p2p import requests, service
from qrpay.features.p2p.model import (
    ListQuery,
    MoneyRequest,
    NewClaim,
    NewRequest,
    NewSplit,
    NewTransfer,
    P2PTransfer,
    Pay,
    PayeeShown,
    Split,
    WhoIs,
)
from qrpay.features.p2p.problems import (
    amount_differs,
    payee_cannot_receive,
    payee_not_found,
    request_expired,
    request_settled,
    transfer_not_held,
)
from qrpay.features.payments.problems import REFUSALS, pin_required, self_payment
from qrpay.problem import idempotency_key_reused, not_found
from qrpay.values import Page
from qrpay.web.callers import Wallet
from qrpay.web.limits import Limit
from qrpay.web.routes import Answer, Call, Nothing, Routes

routes = Routes("Transfers")
MOVES: Final = [*REFUSALS, pin_required, pin_wrong, pin_locked]
_looked: Final = Limit(0.5, 60)
"""People whom one customer may look up in this worker: 60 at once, then 30 a minute."""


@routes.post(
    "/v1/payees", caller=Wallet, body=WhoIs, returns=PayeeShown, problems=[payee_not_found, code_expired, not_found]
)
async def show_payee(call: Call, ask: WhoIs) -> PayeeShown:
    """Who would be paid by this number or code: a masked name, before anything moves."""
    _looked.take(call.wallet.id)
    return await service.who_is(call.core, call.wallet, ask.to)


@routes.post(
    "/v1/transfers", caller=Wallet, body=NewTransfer, returns=P2PTransfer, status=201, idempotent=True,
    problems=[*MOVES, payee_not_found, payee_cannot_receive, amount_differs, code_expired, not_found,
              idempotency_key_reused],
)  # fmt: skip
async def create_transfer(call: Call, ask: NewTransfer) -> Any:
    """Pay another customer. What the payee's account cannot take waits (`held`), and goes back in a week."""
    _looked.take(call.wallet.id)
    transfer, made = await service.send(call.core, call.wallet, call.idempotency_key, ask)
    return transfer if made else Answer(transfer, replayed=True)


@routes.get("/v1/transfers", caller=Wallet, query=ListQuery, returns=Page[P2PTransfer])
async def list_transfers(call: Call, ask: ListQuery) -> Page[P2PTransfer]:
    """What I sent to other customers, and what I received, newest first."""
    return await service.page(call.core, call.wallet, ask)


@routes.get("/v1/held-transfers", caller=Wallet, returns=Page[P2PTransfer])
async def list_held_transfers(call: Call, _ask: Nothing) -> Page[P2PTransfer]:
    """What was sent to me and my account could not take yet."""
    return Page(await service.waiting(call.core, call.wallet))


@routes.post(
    "/v1/held-transfers/{transfer}/claim", caller=Wallet, body=NewClaim, body_optional=True, returns=P2PTransfer,
    problems=[*REFUSALS, not_found, transfer_not_held, payee_cannot_receive],
)  # fmt: skip
async def claim_held_transfer(call: Call, ask: NewClaim) -> P2PTransfer:
    """Take money that waits into one of my accounts. Sent again, it answers with the same."""
    return await service.take(call.core, call.wallet, call.path["transfer"], ask)


@routes.post(
    "/v1/money-requests", caller=Wallet, body=NewRequest, returns=MoneyRequest, status=201, idempotent=True,
    problems=[payee_not_found, self_payment, account_takes_no_transfers, not_found, idempotency_key_reused],
)  # fmt: skip
async def create_money_request(call: Call, ask: NewRequest) -> Any:
    """Ask another customer for money."""
    _looked.take(call.wallet.id)
    made, new = await requests.ask(call.core, call.wallet, call.idempotency_key, ask)
    return made if new else Answer(made, replayed=True)


@routes.post(
    "/v1/bill-splits", caller=Wallet, body=NewSplit, returns=Split, status=201, idempotent=True,
    problems=[payee_not_found, self_payment, account_takes_no_transfers, not_found, idempotency_key_reused],
)  # fmt: skip
async def create_bill_split(call: Call, ask: NewSplit) -> Any:
    """Split a bill among friends: each of them is asked for an equal share, mine and the odd cents stay with me."""
    for _ in ask.payers:
        _looked.take(call.wallet.id)
    made, new = await requests.split(call.core, call.wallet, call.idempotency_key, ask)
    return made if new else Answer(made, replayed=True)


@routes.get("/v1/money-requests", caller=Wallet, query=ListQuery, returns=Page[MoneyRequest])
async def list_money_requests(call: Call, ask: ListQuery) -> Page[MoneyRequest]:
    """What I asked for and what I am asked for, newest first."""
    return await requests.page(call.core, call.wallet, ask)


@routes.get("/v1/money-requests/{request}", caller=Wallet, returns=MoneyRequest, problems=[not_found])
async def read_money_request(call: Call, _ask: Nothing) -> MoneyRequest:
    """One request for money."""
    return await requests.read(call.core, call.wallet, call.path["request"])


@routes.post(
    "/v1/money-requests/{request}/pay", caller=Wallet, body=Pay, body_optional=True, returns=P2PTransfer,
    problems=[*MOVES, not_found, request_settled, request_expired],
)  # fmt: skip
async def pay_money_request(call: Call, ask: Pay) -> P2PTransfer:
    """Pay what I am asked for; sent again, it answers with the same transfer."""
    return await requests.pay(call.core, call.wallet, call.path["request"], ask)


@routes.post(
    "/v1/money-requests/{request}/close", caller=Wallet, returns=MoneyRequest, problems=[not_found, request_settled]
)
async def close_money_request(call: Call, _ask: Nothing) -> MoneyRequest:
    """Decline what I am asked for, or withdraw what I asked for: for good."""
    return await requests.close(call.core, call.wallet, call.path["request"])
