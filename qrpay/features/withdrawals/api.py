"""Withdrawals over HTTP."""

from typing import Any

from qrpay.features.e_accounts.problems import pin_locked, pin_wrong
from qrpay.features.payments.problems import REFUSALS
from qrpay.features.withdrawals import service
from qrpay.features.withdrawals.model import NewWithdrawal, Withdrawal
from qrpay.features.withdrawals.problems import no_bound_account
from qrpay.problem import idempotency_key_reused, not_found
from qrpay.values import Page
from qrpay.web.callers import Wallet
from qrpay.web.routes import Answer, Call, Nothing, Routes

routes = Routes("Withdrawals")


@routes.post(
    "/v1/withdrawals", caller=Wallet, body=NewWithdrawal, returns=Withdrawal, status=201, idempotent=True,
    problems=[*REFUSALS, pin_wrong, pin_locked, no_bound_account, not_found, idempotency_key_reused],
)  # fmt: skip
async def create_withdrawal(call: Call, ask: NewWithdrawal) -> Any:
    """Send money to my account at another bank; it is held until the clearing house has booked it."""
    withdrawal, made = await service.withdraw(call.core, call.wallet, call.idempotency_key, ask)
    return withdrawal if made else Answer(withdrawal, replayed=True)


@routes.get("/v1/withdrawals", caller=Wallet, returns=Page[Withdrawal])
async def list_withdrawals(call: Call, _ask: Nothing) -> Page[Withdrawal]:
    """My latest withdrawals, newest first."""
    return Page(await service.latest(call.core, call.wallet))


@routes.get("/v1/withdrawals/{withdrawal}", caller=Wallet, returns=Withdrawal, problems=[not_found])
async def read_withdrawal(call: Call, _ask: Nothing) -> Withdrawal:
    """One of my withdrawals."""
    return await service.read(call.core, call.wallet, call.path["withdrawal"])
