"""Signed requests (RFC 9421), made by an independent client library, and why each bad one is refused."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519
from multidict import CIMultiDict

from tests.web.world import Api, Said, fresh


class Client:
    """A merchant's client that signs what it sends with `http-message-signatures`."""

    def __init__(self, api: Api, key: str, keyid: str, private: Ed25519PrivateKey) -> None:
        self.api = api
        self.key = key
        self.keyid = keyid
        self.private = private

    def signed(self, method: str, path: str, body: object = None, **said: Any) -> tuple[dict[str, str], bytes | None]:
        """Headers and body of a signed request."""
        raw = None if body is None else msgspec.json.encode(body)
        asked = requests.Request(method, self.api.demo.base_url + path, data=raw)
        message = asked.prepare()
        message.headers["Authorization"] = f"Bearer {self.key}"
        if raw is not None:
            message.headers["Content-Type"] = "application/json"
        covered = said.pop("covered", ("@method", "@target-uri"))
        said.setdefault("nonce", secrets.token_urlsafe(16))
        resolver = MappingKeyResolver(public_keys={}, private_keys={self.keyid: self.private})
        signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver)
        signer.sign(message, key_id=self.keyid, covered_component_ids=covered, body=raw, **said)
        kept = {name: str(value) for name, value in message.headers.items() if name.lower() != "content-length"}
        return kept, raw

    async def send(self, method: str, path: str, headers: Mapping[str, str], raw: bytes | None) -> Said:
        """Send what was signed, or what became of it."""
        return await self.api.call(method, path, None, raw=raw, headers=CIMultiDict(headers))

    async def call(self, method: str, path: str, body: object = None, **said: Any) -> Said:
        """Sign and send."""
        return await self.send(method, path, *self.signed(method, path, body, **said))


async def a_client(api: Api, *, pem: bool = False) -> Client:
    """A client with a key of its own that must sign, and its public key registered."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    text = (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().split("\n")[1]
        if pem
        else (base64.urlsafe_b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode().rstrip("="))
    )
    registered = await api.post("/v1/signing-keys", api.shop, {"public_key": text, "name": "server"})
    assert registered.status == 201, registered.body
    key = await api.post("/v1/keys", api.shop, {"signed": True, "name": "server"})
    return Client(api, key.json["secret_key"], registered.json["id"], private)


def an_order() -> dict[str, Any]:
    """What asks for an order of 12.50."""
    return {"reference": fresh(), "amount": 1_250, "currency": "CNY"}


def reason(said: Said) -> str:
    """Why a signature was refused."""
    assert said.status == 401, said.body
    assert said.headers["WWW-Authenticate"].startswith("Signature ")
    return str(said.json.get("reason") or said.code)


async def test_an_independent_client_signs_and_is_served(api: Api) -> None:
    """POST with a body and GET with a query, keys as PEM and as base64, the target in one piece and in three."""
    for pem in (False, True):
        client = await a_client(api, pem=pem)
        made = await client.call("POST", "/v1/orders", an_order())
        assert made.status == 201, made.body
        parts = ("@method", "@authority", "@path", "@query", "authorization")
        listed = await client.call("GET", "/v1/orders?limit=1", covered=parts)
        assert [one["id"] for one in listed.json["data"]] == [made.json["id"]]


async def test_a_refused_signature_says_why(api: Api) -> None:
    """Nothing happened, and what to mend is said: unsigned, not covered, body, target, key, time, nonce."""
    client, other = await a_client(api), await a_client(api)
    send, order, path = client.send, an_order(), "/v1/orders"
    headers, raw = client.signed("POST", path, order)
    assert raw is not None

    assert reason(await api.post(path, client.key, order)) == "missing"
    assert reason(await send("POST", path, headers, raw.replace(b"1250", b"9250"))) == "changed_body"
    assert reason(await send("POST", path, {**headers, "Content-Digest": ""}, raw)) == "malformed"
    digest = base64.b64encode(hashlib.sha256(b"{}").digest()).decode()
    assert reason(await send("POST", path, {**headers, "Content-Digest": f"sha-256=:{digest}:"}, raw)) == "changed_body"
    elsewhere = await send("POST", f"{path}?x=1", headers, raw)
    assert reason(elsewhere) == "does_not_hold"
    assert f'"@target-uri": {api.demo.base_url}{path}?x=1' in elsewhere.json["signature_base"]
    assert client.key not in str(elsewhere.json)
    assert reason(await client.call("POST", path, order, covered=("@method",))) == "uncovered"
    for far in (-302, 302):
        said = await client.call("POST", path, order, created=datetime.now(UTC) + timedelta(seconds=far))
        assert said.code == "timestamp_out_of_window"
    crossed = Client(api, client.key, client.keyid, Ed25519PrivateKey.generate())
    assert reason(await crossed.call("POST", path, order)) == "does_not_hold"
    crossed.private = other.private
    assert reason(await crossed.call("POST", path, order)) == "wrong_key"
    crossed.keyid = "sig_00000000000000000000000000"
    assert reason(await crossed.call("POST", path, order)) == "unknown_key"

    assert (await api.get(f"/v1/orders/ref:{order['reference']}", api.shop)).status == 404
    assert (await send("POST", path, headers, raw)).status == 201, "none of the refused ones used the nonce up"
    replayed = await send("POST", path, headers, raw)
    assert replayed.code == "nonce_replayed"


async def test_one_nonce_at_once_is_served_once(api: Api) -> None:
    """Ten equal requests at the same time: one is served."""
    client = await a_client(api)
    headers, raw = client.signed("GET", "/v1/balance")

    said = await asyncio.gather(*(client.send("GET", "/v1/balance", headers, raw) for _ in range(10)))

    assert sorted(one.status for one in said) == [200] + [401] * 9
    assert {one.code for one in said if one.status == 401} == {"nonce_replayed"}


async def test_a_signature_counts_also_where_none_is_asked_for(api: Api) -> None:
    """A key that need not sign may; a bad signature is then no better than none. Another merchant's key is unknown."""
    client = await a_client(api)
    loose = Client(api, api.shop, client.keyid, Ed25519PrivateKey.generate())
    assert reason(await loose.call("GET", "/v1/balance")) == "does_not_hold"
    loose.private = client.private
    assert (await loose.call("GET", "/v1/balance")).status == 200
    loose.key = api.other_shop
    assert reason(await loose.call("GET", "/v1/balance")) == "unknown_key"


async def test_public_keys_are_checked_listed_and_ended(api: Api) -> None:
    """What could be forged or is none is refused; an ended key is unknown; another merchant cannot end it."""
    client = await a_client(api)
    for bad in ("A" * 43, base64.b64encode(bytes(31)).decode() + "AAAA", "x" * 60):
        assert (await api.post("/v1/signing-keys", api.shop, {"public_key": bad})).code == "signer_refused"
    path = f"/v1/signing-keys/{client.keyid}/revoke"
    assert (await api.post(path, api.other_shop)).verdict == (404, "not_found")
    assert (await api.post(path, api.shop)).json["revoked_at"] is not None
    assert client.keyid in str((await api.get("/v1/signing-keys", api.shop)).json)
    assert reason(await client.call("GET", "/v1/balance")) == "unknown_key"
