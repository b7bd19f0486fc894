"""Routes: a merchant's webhook endpoints and their deliveries."""

from typing import Final

from qrpay.features.webhooks import service
from qrpay.features.webhooks.address import Gate
from qrpay.features.webhooks.model import (
    Delivery,
    DeliveryQuery,
    Endpoint,
    EndpointChange,
    NewEndpoint,
    Replay,
)
from qrpay.features.webhooks.problems import (
    webhook_endpoint_disabled,
    webhook_endpoint_live,
    webhook_endpoint_paused,
    webhook_endpoints_full,
    webhook_url_refused,
)
from qrpay.problem import idempotency_key_reused, not_found
from qrpay.values import Page
from qrpay.web.callers import Merchant
from qrpay.web.routes import NOTHING, Answer, Call, Routes

routes: Final = Routes("Webhooks")


@routes.post(
    "/v1/webhook-endpoints",
    caller=Merchant,
    body=NewEndpoint,
    returns=Endpoint,
    status=201,
    problems=[webhook_url_refused, webhook_endpoints_full, idempotency_key_reused],
)
async def create_webhook_endpoint(call: Call, ask: NewEndpoint) -> Answer:
    """Have an address of yours called when something happens.

    The `secret` that signs is in this answer only. An Idempotency-Key makes it safe to repeat.
    """
    gate = Gate(call.core.settings)
    made, replayed = await service.register(call.core, gate, call.merchant.id, ask, call.idempotency_key)
    return Answer(made, replayed=replayed)


@routes.get("/v1/webhook-endpoints", caller=Merchant, returns=Page[Endpoint])
async def list_webhook_endpoints(call: Call, ask: object) -> Page[Endpoint]:
    """List your endpoints."""
    assert ask is NOTHING
    return Page(await service.endpoints_of(call.core, call.merchant.id))


@routes.get("/v1/webhook-endpoints/{endpoint}", caller=Merchant, returns=Endpoint, problems=[not_found])
async def get_webhook_endpoint(call: Call, ask: object) -> Endpoint:
    """Look at one endpoint; `reason` says why it was switched off."""
    assert ask is NOTHING
    return service.shown(await service.endpoint(call.core, call.merchant.id, call.path["endpoint"]))


@routes.patch(
    "/v1/webhook-endpoints/{endpoint}", caller=Merchant, body=EndpointChange, returns=Endpoint,
    problems=[not_found, webhook_url_refused],
)  # fmt: skip
async def change_webhook_endpoint(call: Call, ask: EndpointChange) -> Endpoint:
    """Choose other events for an endpoint, or another address; what waits for it already stays."""
    gate = Gate(call.core.settings)
    return await service.change(call.core, gate, call.merchant.id, call.path["endpoint"], ask)


@routes.post(
    "/v1/webhook-endpoints/{endpoint}/pause", caller=Merchant, returns=Endpoint,
    problems=[not_found, webhook_endpoint_disabled],
)  # fmt: skip
async def pause_webhook_endpoint(call: Call, ask: object) -> Endpoint:
    """Send an endpoint nothing until you resume it; it keeps its place in your events."""
    assert ask is NOTHING
    return await service.pause(call.core, call.merchant.id, call.path["endpoint"])


@routes.post("/v1/webhook-endpoints/{endpoint}/resume", caller=Merchant, returns=Endpoint, problems=[not_found])
async def resume_webhook_endpoint(call: Call, ask: object) -> Endpoint:
    """Call a paused endpoint again, or one that was switched off: it catches up, batch by batch."""
    assert ask is NOTHING
    return await service.resume(call.core, call.merchant.id, call.path["endpoint"])


@routes.post(
    "/v1/webhook-endpoints/{endpoint}/replay", caller=Merchant, body=Replay, body_optional=True, returns=Endpoint,
    status=202, problems=[not_found, webhook_endpoint_live, webhook_endpoint_disabled],
)  # fmt: skip
async def replay_to_webhook_endpoint(call: Call, ask: Replay) -> Endpoint:
    """Tell a test endpoint your events again, after one of them or from the first; a live one never.

    They keep their ids, and bear signatures of now.
    """
    return await service.replay(call.core, call.merchant.id, call.path["endpoint"], ask)


@routes.delete("/v1/webhook-endpoints/{endpoint}", caller=Merchant, status=204, problems=[not_found])
async def remove_webhook_endpoint(call: Call, ask: object) -> None:
    """Remove an endpoint; what waits for it is given up."""
    assert ask is NOTHING
    await service.remove(call.core, call.merchant.id, call.path["endpoint"])


@routes.get(
    "/v1/webhook-endpoints/{endpoint}/deliveries",
    caller=Merchant,
    query=DeliveryQuery,
    returns=Page[Delivery],
    problems=[not_found],
)
async def list_webhook_deliveries(call: Call, ask: DeliveryQuery) -> Page[Delivery]:
    """List an endpoint's deliveries, newest first, with what came of the latest attempt."""
    return await service.deliveries(call.core, call.merchant.id, call.path["endpoint"], ask)


@routes.post(
    "/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/resend",
    caller=Merchant,
    returns=Delivery,
    status=202,
    problems=[not_found, webhook_endpoint_disabled, webhook_endpoint_paused],
)
async def resend_webhook_delivery(call: Call, ask: object) -> Delivery:
    """Send a delivery again, now."""
    assert ask is NOTHING
    return await service.resend(call.core, call.merchant.id, call.path["endpoint"], call.path["delivery"])
