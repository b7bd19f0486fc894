"""What did the scanner read? Told by form alone: nothing is verified, looked up, opened or fetched here."""

import re
from typing import Final, Literal

from msgspec import Struct

from qrpay.codes import cpm, emv, payment_code, receipt
from qrpay.codes.payload import is_ours
from qrpay.codes.problems import code_malformed
from qrpay.codes.schemes import scheme_of_message
from qrpay.values import Id, id_from_text

What = Literal[
    "dynamic", "static", "payment_code", "receipt", "cashier_link", "static_link", "collect_link",
    "foreign_merchant_code", "foreign_customer_code", "foreign_link",
]  # fmt: skip

_LINK = re.compile(r"(?i:https?)://([^\s/?#@\\]+)(/[^\s?#\\]*)?(?:[?#]\S*)?\Z")
_CASHIER = re.compile(r".*/pay/((?:ord|stc|col)_[0-9A-Za-z]{26})/?\Z")
_LINK_OF: Final = (
    ("WeChat Pay", re.compile(r"(?i)(?:wxp|weixin)://|https?://(?:[\w-]+\.)*(?:weixin\.qq|wechatpay|tenpay)\.com[/:]")),
    ("Alipay", re.compile(r"(?i)alipays?://|https?://(?:[\w-]+\.)*alipay\.com[/:]")),
    ("UnionPay", re.compile(r"(?i)upwallet://|https?://(?:[\w-]+\.)*95516\.com[/:]")),
)


class Kind(Struct, frozen=True):
    """What a text is; `scheme` names the owner of a foreign one, a cashier link leads to an order or a static code."""

    what: What
    scheme: str | None = None
    order: Id | None = None
    static_code: Id | None = None
    collect_code: Id | None = None


def recognise(text: str, guid: str = "org.qrpay", prefix: str = "88", base_url: str | None = None) -> Kind:
    """Say what a scanned text is; the first match wins.

    guid      ours, in EMV codes; prefix: two digits that our payment codes start with
    base_url  when given, only links under it are ours (an order's id is checked again by whoever looks it up)

    Raises `code_malformed` for what is nothing we know, and at once for anything over 512 characters (a receipt:
    2,048).
    """
    if len(text) > emv.TEXT_MAX:
        if receipt.is_receipt(text):
            return Kind("receipt")
        raise code_malformed(reason="too_long", at="")
    if text.startswith("000201"):
        return _merchant_code(text, guid)
    if payment_code.is_ours(text, prefix):
        return Kind("payment_code")
    if receipt.is_receipt(text):
        return Kind("receipt")
    if text.startswith(cpm.START):
        return Kind("foreign_customer_code", cpm.parse(text).scheme)
    if scheme := payment_code.scheme_of(text):
        return Kind("foreign_customer_code", scheme)
    return _link(text, base_url)


def _merchant_code(text: str, guid: str) -> Kind:
    message = emv.read_objects(text)
    if not is_ours(message, guid):
        emv.validate(message, strict=False)
        return Kind("foreign_merchant_code", scheme_of_message(message))
    return Kind("dynamic" if message.find("01") == "12" else "static")


def _link(text: str, base_url: str | None) -> Kind:
    if scheme := next((name for name, pattern in _LINK_OF if pattern.match(text)), None):
        return Kind("foreign_link", scheme)
    found = _LINK.match(text)
    if found is None:
        raise code_malformed(reason="unknown_kind", at="")
    cashier = _CASHIER.match(found[2] or "")
    ours = base_url is None or text.startswith(base_url.rstrip("/") + "/pay/")
    text = cashier[1] if cashier and ours else ""
    if order := id_from_text("ord_", text):
        return Kind("cashier_link", order=order)
    if static_code := id_from_text("stc_", text):
        return Kind("static_link", static_code=static_code)
    if collect_code := id_from_text("col_", text):
        return Kind("collect_link", collect_code=collect_code)
    return Kind("foreign_link", found[1][:64])
