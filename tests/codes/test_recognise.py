"""What a scanner read is told by its form, first match first, and nothing else happens to it."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrpay.codes.recognise import Kind, recognise
from qrpay.problem import Refused
from qrpay.values import id_text
from tests.codes.test_cpm import C1
from tests.codes.test_emv import MALFORMED, REAL_CODES, malformed
from tests.codes.test_receipt import TEXT as RECEIPT
from tests.codes.world import ORDER, signed

assert ORDER.order
LINK = "/pay/" + id_text("ord_", ORDER.order)
STATIC = signed(msgspec.structs.replace(ORDER, order=None, amount=None))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (signed(), Kind("dynamic")),
        (STATIC, Kind("static")),
        ("88012345678901234564", Kind("payment_code")),
        (RECEIPT, Kind("receipt")),
        (C1, Kind("foreign_customer_code", "EMV consumer-presented")),
        *((text, Kind("foreign_merchant_code", name)) for name, text, *_ in REAL_CODES if name != "EMVCo Annex B"),
        ("134567890123456789", Kind("foreign_customer_code", "WeChat Pay")),
        ("281234567890123456", Kind("foreign_customer_code", "Alipay")),
        ("6212345678901234567", Kind("foreign_customer_code", "UnionPay")),
        ("https://pay.example" + LINK, Kind("cashier_link", order=ORDER.order)),
        ("http://127.0.0.1:8080" + LINK.upper().replace("/PAY/", "/pay/").replace("ORD_", "ord_"),
         Kind("cashier_link", order=ORDER.order)),
        ("https://qr.alipay.com/fkx12345", Kind("foreign_link", "Alipay")),
        ("wxp://f2f0abcdef", Kind("foreign_link", "WeChat Pay")),
        ("https://qr.95516.com/00010001/62", Kind("foreign_link", "UnionPay")),
        ("https://evil.example/pay", Kind("foreign_link", "evil.example")),
    ],
)  # fmt: skip
def test_each_kind_is_told(text: str, kind: Kind) -> None:
    """One text of every kind, ours and others'."""
    assert recognise(text) == kind


@pytest.mark.parametrize("host", ["https://evil.example", "https://pay.example.evil.example", "http://pay.example"])
def test_a_link_under_another_address_is_foreign(host: str) -> None:
    """With our own address known, no other can lead to an order, not even one that starts like ours."""
    assert recognise(host + LINK, base_url="https://pay.example").what == "foreign_link"
    assert recognise("https://pay.example" + LINK, base_url="https://pay.example/").order == ORDER.order


@pytest.mark.parametrize(
    "text",
    ["", " ", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "x" * 10_240, "\0\1\2", "\ud800",
     "6901234567892", "88012345678901234565", "８８012345678901234564", "https://a b/", "https:///pay", "a.b.c",
     "1" * 513, "https://pay.example/" + "a" * 493, "eyJ.." + "A" * 3000, "hQVDUFYwMQ==", "https://e.example/\n" + LINK,
     "https://pay.example@evil.example" + LINK],
)  # fmt: skip
def test_what_is_nothing_we_know_is_malformed(text: str) -> None:
    """Scripts, files, binaries, ten kilobytes, a product's barcode, a slip in our own digits."""
    with pytest.raises(Refused) as refused:
        recognise(text)
    assert refused.value.problem.code == "code_malformed"


@pytest.mark.parametrize("row", [r[1:4] for r in MALFORMED])
def test_a_malformed_code_of_others_is_no_scheme(row: tuple[str, str, str]) -> None:
    """A broken EMV code is called broken, not another scheme's."""
    with pytest.raises(Refused) as refused:
        recognise(malformed(*row))
    assert refused.value.problem.code == "code_malformed"


@given(st.text(max_size=60) | st.from_regex(r"https?://.{0,40}") | st.from_regex(r"\A(000201|hQVDUFY|62|88)\w{0,40}\Z"))
@settings(deadline=None)
def test_any_text_gets_an_answer(text: str) -> None:
    """Whatever is scanned is told or refused; nothing fails."""
    try:
        assert recognise(text).what
    except Refused as refused:
        assert refused.problem.code == "code_malformed"
