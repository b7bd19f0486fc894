"""Sign in as somebody of the bank, with password and code, and ask. Standard library only.

    python examples/at_the_desk.py DEMO_JSON                  what waits for a decision
    python examples/at_the_desk.py DEMO_JSON search TEXT      anything, by any id, reference, name or phone number
    python examples/at_the_desk.py DEMO_JSON code [WHO]       the six digits of `operator` or `other_operator` now

A code is good once: whoever signs in twice within half a minute is refused the second time.
"""

import argparse
import base64
import hashlib
import hmac
import json
import struct
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


def main() -> None:
    """Do what the arguments say."""
    ask = argparse.ArgumentParser(description="Ask as somebody of the bank.")
    ask.add_argument("demo", type=Path, help=".qrpay/demo.json")
    ask.add_argument("what", nargs="?", choices=["reviews", "search", "code"], default="reviews")
    ask.add_argument("text", nargs="?", default="operator")
    given = ask.parse_args()
    demo = json.loads(given.demo.read_text())
    if given.what == "code":
        print(totp(demo[given.text]["totp_secret"]))
        return
    cookie = sign_in(demo["base_url"], demo["operator"])
    path = "reviews" if given.what == "reviews" else "search?q=" + urllib.parse.quote(given.text)
    ask_with = urllib.request.Request(f"{demo['base_url']}/v1/operators/{path}", headers={"Cookie": cookie})
    with urllib.request.urlopen(ask_with) as answer:
        print(json.dumps(json.load(answer), indent=2, ensure_ascii=False))


def sign_in(base_url: str, who: dict[str, Any]) -> str:
    """The session's cookie."""
    body = {"name": who["name"], "password": who["password"], "totp": totp(who["totp_secret"])}
    headers = {"Content-Type": "application/json"}
    url = f"{base_url}/v1/operators/sessions"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


def totp(secret: str) -> str:
    """Six digits of RFC 6238 (HMAC-SHA-1, half a minute), of a secret in base32."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


if __name__ == "__main__":
    main()
