"""HTTP message signatures (RFC 9421, Ed25519) with Content-Digest (RFC 9530): read strictly, explained when refused.

Only what a signed request needs: derived components and plain fields without parameters, one signature that counts.
Nothing here knows whose key it is.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from qrpay.problem import Refused, row
from qrpay.web.wire import Request

NEEDED: Final = ("@method", "@target-uri")
"""What every signature covers; with a body also content-digest. The target may stand in parts instead."""
PARTS: Final = frozenset({"@authority", "@path", "@query"})
CHALLENGE: Final = {
    "WWW-Authenticate": 'Signature realm="qrpay"',
    "Accept-Signature": 'sig=("@method" "@target-uri" "content-digest");created;keyid;nonce;alg="ed25519"',
}
"""What stands beside a 401 (RFC 9110 11.6.1; RFC 9421 5.1)."""
COMPONENTS_MAX: Final = 32
NONCE_MAX: Final = 128

_ITEM: Final = r'"((?:[ !#-\[\]-~])*)"'
_INPUT: Final = re.compile(
    r'([a-z*][a-z0-9_\-.*]*)=(\(((?: *"[!#-\[\]-~]+")*) *\)'
    r'((?:;[a-z][a-z0-9_\-]*=(?:"[ !#-\[\]-~]*"|[0-9]{1,15}))*))\Z'
)
_PARAM: Final = re.compile(r';([a-z][a-z0-9_\-]*)=(?:"([ !#-\[\]-~]*)"|([0-9]{1,15}))')
_MEMBER: Final = re.compile(r" *([a-z*][a-z0-9_\-.*]*)=:([A-Za-z0-9+/=]*):(?: *, *|\Z)")
_DIGESTS: Final = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}

signature_invalid = row(
    "signature_invalid", 401, "The signature of this request does not hold.", "请求签名无效。",
    "Reason: {reason}. {explanation}", "原因代码:{reason}。{explanation}",
)  # fmt: skip
"""Figures: `reason` (missing, malformed, uncovered, unknown_key, wrong_key, changed_body, does_not_hold), an
`explanation`, and for `does_not_hold` the `signature_base` that we checked, to be compared with what was signed."""

timestamp_out_of_window = row(
    "timestamp_out_of_window", 401, "The signature was not made just now.", "签名时间超出允许范围。",
    "Sign again when you send: `created` {created} is {off} s off our clock, and {window} s are allowed.",
    "请在发送时重新签名:created {created} 与服务器时间相差 {off} 秒,允许 {window} 秒。",
)  # fmt: skip
"""Figures: `created` (Unix seconds), `off` (seconds), `window` (seconds)."""

nonce_replayed = row(
    "nonce_replayed", 401, "This signed request was received before.", "该签名请求已被接收过。",
    "Sign each request with a nonce of its own, also when you send the same one again.",
    "每次请求(包括重发)都须使用新的 nonce 重新签名。",
)  # fmt: skip


class Signed(Struct, frozen=True):
    """A signature as it came, read but not checked.

    covered  the components, in order; base: what must have been signed
    created  Unix seconds
    """

    covered: tuple[str, ...]
    keyid: str
    created: int
    nonce: str
    signature: bytes
    base: bytes


class Message(Struct, frozen=True):
    """The request that was signed. `headers`: by name in lower case, each value as it came; `body` as it came."""

    method: str
    scheme: str
    authority: str
    target: str  # path and query
    headers: Mapping[str, Sequence[str]]
    body: bytes


def refusal(reason: str, explanation: str, **more: Any) -> Refused:
    """`signature_invalid`, with why."""
    return signature_invalid(reason=reason, explanation=explanation, headers=CHALLENGE, **more)


def read(message: Message) -> Signed:
    """The signature of a request and what it must have signed; its digest holds. Raises `signature_invalid`."""
    inputs, signatures = message.headers.get("signature-input"), message.headers.get("signature")
    if not inputs or not signatures:
        raise refusal("missing", "Send Signature-Input and Signature (RFC 9421), both.")
    found = _INPUT.match(", ".join(inputs).strip())
    if found is None:
        form = 'label=("@method" "@target-uri" …);created=…;keyid="…";nonce="…"'
        raise refusal("malformed", f"Signature-Input holds one signature, as {form}.")
    label, written, listed, tail = found.groups()
    covered = tuple(re.findall(_ITEM, listed))
    params = {name: text or number for name, text, number in _PARAM.findall(tail)}
    if len(covered) != len(set(covered)) or len(covered) > COMPONENTS_MAX:
        raise refusal("malformed", "Each component is covered once.")
    for name in ("created", "keyid", "nonce"):
        if not params.get(name):
            raise refusal("malformed", f"The parameter {name} is missing.")
    if not params["created"].isdigit() or len(params["nonce"]) > NONCE_MAX:
        raise refusal("malformed", f"`created` is in Unix seconds, and `nonce` has at most {NONCE_MAX} characters.")
    if params.get("alg", "ed25519") != "ed25519":
        raise refusal("malformed", "Sign with Ed25519; leave `alg` out, or say ed25519.")
    _must_cover(covered, message)
    _check_digest(message)
    signature = _members(signatures, "signature").get(label)
    if signature is None:
        raise refusal("malformed", f"Signature has no member {label}.")
    base = "\n".join(f'"{name}": {_component(name, message)}' for name in covered)
    base += f'\n"@signature-params": {written}'
    return Signed(covered, params["keyid"], int(params["created"]), params["nonce"], signature, base.encode())


def _must_cover(covered: Sequence[str], message: Message) -> None:
    have = set(covered)
    if have >= PARTS:
        have.add("@target-uri")
    needed = [*NEEDED, *(["content-digest"] if message.body else [])]
    if missing := [name for name in needed if name not in have]:
        raise refusal("uncovered", f"The signature must cover {', '.join(missing)}.")


def _check_digest(message: Message) -> None:
    given = message.headers.get("content-digest")
    if not given:
        if message.body:
            raise refusal("uncovered", "Send Content-Digest (RFC 9530) with the body.")
        return
    if message.headers.get("content-encoding"):
        raise refusal("malformed", "Send signed bodies without Content-Encoding.")
    known = {name: value for name, value in _members(given, "content-digest").items() if name in _DIGESTS}
    if not known:
        raise refusal("malformed", "Content-Digest names no algorithm we know: send sha-256 or sha-512.")
    for name, value in known.items():
        if not hmac.compare_digest(_DIGESTS[name](message.body).digest(), value):
            raise refusal("changed_body", f"The body that arrived ({len(message.body)} bytes) has another {name}.")


def _members(values: Sequence[str], name: str) -> dict[str, bytes]:
    """A dictionary of byte sequences (RFC 8941 3.2)."""
    text, at, found = ", ".join(values).strip(), 0, {}
    while at < len(text):
        member = _MEMBER.match(text, at)
        if member is None:
            raise refusal("malformed", f"{name} is no dictionary of byte sequences (name=:base64:).")
        try:
            found[member[1]] = base64.b64decode(member[2], validate=True)
        except binascii.Error:
            raise refusal("malformed", f"{name} holds what is no base64.") from None
        at = member.end()
    return found


def _component(name: str, message: Message) -> str:
    path, _, query = message.target.partition("?")
    derived = {
        "@method": message.method,
        "@target-uri": f"{message.scheme}://{message.authority}{message.target}",
        "@authority": message.authority,
        "@scheme": message.scheme,
        "@request-target": message.target,
        "@path": path,
        "@query": f"?{query}",
    }
    if name.startswith("@"):
        if name not in derived:
            raise refusal("malformed", f"The component {name} is not known here.")
        return derived[name]
    values = message.headers.get(name)
    if values is None:
        raise refusal("malformed", f"The signature covers the field {name}, which did not arrive.")
    return ", ".join(" ".join(value.split("\r\n")).strip() for value in values)


def authority_of(host: str, scheme: str) -> str:
    """The authority as it is signed: lower case, without the scheme's own port (RFC 9421 2.2.3)."""
    named = urlsplit(f"//{host.lower()}")
    port = {"http": ":80", "https": ":443"}.get(scheme, "")
    return named.netloc.removesuffix(port) if port else named.netloc


def message_of(request: Request, body: bytes, base_url: str) -> Message:
    """A request as it was signed: at the scheme of the address that callers use, which a proxy may have unwrapped."""
    headers: dict[str, list[str]] = {}
    for name, value in request.message().raw_headers:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    scheme = urlsplit(base_url).scheme
    authority = authority_of(headers.get("host", [""])[0], scheme)
    target = request.path + (f"?{request.query}" if request.query else "")
    return Message(request.method, scheme, authority, target, headers, body)
