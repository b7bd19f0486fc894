"""Receive qrpay's webhooks: check the signature, the age and the id, then answer 204. Copy what you need.

    QRPAY_WEBHOOK_SECRET=whsec_… python receive_webhook.py 9000
    QRPAY_JWKS=http://127.0.0.1:8080/.well-known/jwks.json python receive_webhook.py 9000

Standard library only for the secret (`v1`); the public key (`v1a`) needs `cryptography`.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300


def holds_by_secret(secret: str, message_id: str, timestamp: str, body: bytes, header: str) -> bool:
    """Whether one of the `v1` signatures was made with our secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    ours = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(f"v1,{ours}", given) for given in header.split())


def holds_by_key(public_keys: list[bytes], message_id: str, timestamp: str, body: bytes, header: str) -> bool:
    """Whether one of the `v1a` signatures was made by one of these raw Ed25519 keys."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signed = f"{message_id}.{timestamp}.".encode() + body
    for given in header.split():
        version, _, signature = given.partition(",")
        for public in public_keys if version == "v1a" else ():
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature), signed)
            except (InvalidSignature, ValueError):
                continue
            return True
    return False


def webhook_keys(jwks: bytes) -> list[bytes]:
    """The raw public keys that sign webhooks, out of the published key set."""
    keys = json.loads(jwks)["keys"]
    return [base64.urlsafe_b64decode(key["x"] + "=") for key in keys if key.get("purpose") == "webhook"]


class Receiver(BaseHTTPRequestHandler):
    """Answers one webhook: 204 when it holds, 400 when it does not."""

    secret = ""
    public_keys: list[bytes] = []  # noqa: RUF012 - set once, before serving
    seen: set[str] = set()  # noqa: RUF012 - your database, where several processes receive

    def do_POST(self) -> None:
        """Check and take a message."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 65_536))
        message_id = self.headers.get("webhook-id", "")
        timestamp = self.headers.get("webhook-timestamp", "")
        signatures = self.headers.get("webhook-signature", "")
        fresh = timestamp.isdigit() and abs(time.time() - int(timestamp)) <= TOLERANCE_S
        message = (message_id, timestamp, body, signatures)
        holds = fresh and (
            holds_by_secret(self.secret, *message) if self.secret else holds_by_key(self.public_keys, *message)
        )
        if holds and message_id not in self.seen:  # a message may come twice: act on its id once
            self.seen.add(message_id)
            event = json.loads(body)
            print(event["type"], event["id"], json.dumps(event["data"], ensure_ascii=False), flush=True)
        self.send_response(204 if holds else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet: the event is printed above."""


if __name__ == "__main__":
    Receiver.secret = os.environ.get("QRPAY_WEBHOOK_SECRET", "")
    if not Receiver.secret:
        with urllib.request.urlopen(os.environ["QRPAY_JWKS"]) as answer:
            Receiver.public_keys = webhook_keys(answer.read())
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
