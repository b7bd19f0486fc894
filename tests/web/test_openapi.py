"""The reference says what the server does: a valid document, every promised call, and no answer it does not know."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from qrpay.app import features
from qrpay.web.openapi import errors_page
from tests.web.world import Api

# Every call of the contract that stands in the first release, and who may call it.
CALLS = {
    "public": [
        "GET /.well-known/jwks.json", "GET /healthz", "GET /readyz", "GET /metrics", "GET /v1/receipts/{order}",
        "GET /v1/ledger/conservation", "GET /v1/cashier/{order}",
    ],
    "merchant_key": [
        "POST /v1/orders", "GET /v1/orders", "GET /v1/orders/{order}", "GET /v1/orders/{order}/code.svg",
        "GET /v1/orders/{order}/code.png", "POST /v1/orders/{order}/close", "POST /v1/callbacks/scan",
        "POST /v1/webhook-endpoints", "GET /v1/webhook-endpoints", "DELETE /v1/webhook-endpoints/{endpoint}",
        "GET /v1/webhook-endpoints/{endpoint}/deliveries", "GET /v1/events", "GET /v1/balance",
    ],
    "access_token": [
        "POST /v1/scans", "POST /v1/payments", "GET /v1/payments", "GET /v1/payments/{order}", "POST /v1/payment-codes",
        "GET /v1/accounts", "GET /v1/accounts/{account}", "GET /v1/accounts/{account}/entries", "GET /v1/events/stream",
    ],
    "operator_session": [
        "GET /v1/operators/session", "GET /v1/operators/reviews", "POST /v1/operators/reviews/{kind}/{review}",
        "GET /v1/operators/search", "POST /v1/operators/freezes", "GET /v1/operators/acts",
    ],
}  # fmt: skip
FIELDS = {
    "Order": "id reference status amount currency description store terminal created_at expires_at code payment "
    "refunded_amount fee metadata lines tax tip",
    "OrderPayment": "payer amount paid_at presented_by receipt",
    "Code": "payload url",
    "NewOrder": "reference amount currency description expires_in store terminal metadata lines tax tip",
    "ScanReport": "scanned reference amount currency description terminal lines tax tip",
    "Scan": "kind payee amount currency order expires_at offers description check_code",
    "NewPayment": "scanned order amount account pin offer",
    "Payment": "order status amount currency payee account paid_at receipt refunded_amount",
    "NewRefund": "reference amount reason",
    "Refund": "id order reference amount currency status reason failure created_at succeeded_at",
    "PaymentCode": "digits payload expires_at refresh_at",
    "PayeeView": "name verified",
    "CapExceeded": "code rule limit used left passes currency resets_at",
    "Cap": "limit used left resets_at",
    "Limits": "day year balance codes shared",
    "Problem": "type title status detail code request_id retry errors",
}


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    """The served document."""
    said = await api.get("/openapi.json")
    assert (said.status, said.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = msgspec.json.decode(said.body)
    return found


async def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    """An independent validator takes it."""
    assert document["openapi"].startswith("3.1")
    validate(document)


@pytest.mark.parametrize("scheme", CALLS)
async def test_every_promised_call_is_there(document: dict[str, Any], scheme: str) -> None:
    """Method, path and who may call, as the contract says."""
    for call in CALLS[scheme]:
        method, path = call.split(" ")
        operation = document["paths"][path][method.lower()]
        callers = [name for need in operation.get("security", []) for name in need]
        assert callers == ([] if scheme == "public" else [scheme]), call


async def test_fields_bear_the_promised_names(document: dict[str, Any]) -> None:
    """No field more, none less, none renamed."""
    schemas = document["components"]["schemas"]
    for name, fields in FIELDS.items():
        assert set(schemas[name]["properties"]) == set(fields.split()), name


async def test_operations_are_told_apart_and_explained(document: dict[str, Any]) -> None:
    """Each has an id of its own, a sentence, and says which problems it may answer."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    for operation in operations:
        assert operation["summary"].endswith("."), operation["operationId"]
        for status, answer in operation["responses"].items():
            assert ("application/problem+json" in answer.get("content", {})) == (int(status) >= 400)


async def test_the_reference_page_needs_no_network(api: Api) -> None:
    """The browsable page and all it loads come from here."""
    page = (await api.get("/docs")).body.decode()
    assert "/openapi.json" in page
    assert "http://" not in page and "https://" not in page


async def test_the_page_of_refusals_is_up_to_date(api: Api) -> None:
    """docs/reference/errors.md is what `qrpay docs` writes."""
    assert api and features()
    written = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
    assert written.read_text(encoding="utf-8") == errors_page(), "run `qrpay docs`"
