"""A wallet in forty lines: look at a code, then pay it. Standard library only.

    python examples/wallet.py at_… 000201…       (BASE=http://127.0.0.1:8080 unless set)

Paying is sent again until it is answered: the payment bears the order's id, so it cannot happen twice.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

BASE = os.environ.get("BASE", "http://127.0.0.1:8080")


def post(token: str, path: str, body: object) -> dict[str, Any]:
    """One request; sent again while nobody answers or the answer says that it may be."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    while True:
        try:
            ask = urllib.request.Request(BASE + path, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(ask, timeout=30) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refusal:
            problem = json.load(refusal)
            if problem["code"] == "pin_required":
                body = {**dict(body), "pin": input("PIN: ")}  # type: ignore[call-overload] # ours is a dict
            elif not problem.get("retry"):
                raise SystemExit(f"{problem['code']}: {problem['title']} {problem['detail']}") from None
        except OSError:
            pass
        time.sleep(1)


def main() -> None:
    """Pay one code."""
    token, scanned = sys.argv[1], sys.argv[2]
    scan = post(token, "/v1/scans", {"scanned": scanned})
    print(f"{scan['payee']['name']} asks for {scan['amount']} {scan['currency']} (minor units)")
    payment = post(token, "/v1/payments", {"scanned": scanned})
    print(payment["status"], payment["order"], payment["receipt"])


if __name__ == "__main__":
    main()
