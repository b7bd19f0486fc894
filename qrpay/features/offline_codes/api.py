"""Terminals' keys over HTTP, and the orders they bring back."""

from typing import Any

from qrpay.features.offline_codes import adoption, service
from qrpay.features.offline_codes.model import AdoptedOrders, BroughtOrders, NewOfflineKey, OfflineKey
from qrpay.features.offline_codes.problems import offline_codes_unfit, offline_key_taken
from qrpay.values import Page
from qrpay.web.callers import Merchant
from qrpay.web.routes import Answer, Call, Nothing, Routes

routes = Routes("Offline codes")


@routes.post(
    "/v1/terminals/{terminal}/offline-keys", caller=Merchant, act="sell", body=NewOfflineKey, returns=OfflineKey,
    status=201, problems=[offline_key_taken, offline_codes_unfit],
)  # fmt: skip
async def create_offline_key(call: Call, ask: NewOfflineKey) -> Any:
    """Certify a terminal's key, with which it signs codes while it has no network.

    The public key names it: the same again answers with the same certificate (Idempotent-Replayed: true).
    """
    key, made = await service.certify(call.core, call.merchant, call.path["terminal"], ask)
    return key if made else Answer(key, replayed=True)


@routes.get("/v1/terminals/{terminal}/offline-keys", caller=Merchant, act="sell", returns=Page[OfflineKey])
async def list_offline_keys(call: Call, _ask: Nothing) -> Page[OfflineKey]:
    """List a terminal's latest keys, newest first, with what is used of each."""
    return Page(await service.listed(call.core, call.merchant, call.path["terminal"]))


@routes.post("/v1/terminals/{terminal}/offline-keys/revoke", caller=Merchant, returns=Page[OfflineKey])
async def revoke_offline_keys(call: Call, _ask: Nothing) -> Page[OfflineKey]:
    """Revoke all keys of a terminal, such as a stolen one: none of its codes is paid from now on. Safe to repeat."""
    return Page(await service.revoke(call.core, call.merchant.id, call.path["terminal"]))


@routes.post("/v1/terminals/{terminal}/adopt", caller=Merchant, act="sell", body=BroughtOrders, returns=AdoptedOrders)
async def adopt_orders(call: Call, ask: BroughtOrders) -> AdoptedOrders:
    """Bring the orders that a terminal made without a network; each comes back as it stands. Safe to repeat.

    One whose time is over and that nobody has paid is expired for good with this answer.
    """
    return AdoptedOrders(await adoption.adopt(call.core, call.merchant, call.path["terminal"], ask.orders))
