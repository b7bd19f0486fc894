"""A till in forty lines: ask for money, show the code, wait until it is paid. Standard library only.

    python examples/pos.py sk_live_… 1250        (12.50 yuan; BASE=http://127.0.0.1:8080 unless set)

Whatever is lost on the way is sent again with the same reference, which is safe. Whoever gives up closes the
reference: that answer is definitive, even when the order never arrived.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

BASE = os.environ.get("BASE", "http://127.0.0.1:8080")


def call(key: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """One request; sent again while nobody answers or the answer says that it may be."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    while True:
        try:
            ask = urllib.request.Request(BASE + path, data, headers, method=method)
            with urllib.request.urlopen(ask, timeout=90) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refusal:
            problem = json.load(refusal)
            if not problem.get("retry"):
                raise SystemExit(f"{problem['code']}: {problem['title']} {problem['detail']}") from None
        except OSError:
            pass
        time.sleep(1)


def main() -> None:
    """Sell one thing."""
    key, amount = sys.argv[1], int(sys.argv[2])
    reference = f"POS-{uuid.uuid4().hex[:20]}"
    order = call(key, "POST", "/v1/orders", {"reference": reference, "amount": amount, "currency": "CNY"})
    print("show this as a QR code:", order["code"]["payload"])
    for _ in range(4):
        order = call(key, "GET", f"/v1/orders/ref:{reference}?wait=30")
        if order["status"] != "open":
            break
    else:
        order = call(key, "POST", f"/v1/orders/ref:{reference}/close")
    print(order["status"], order["payment"] or "")


if __name__ == "__main__":
    main()
