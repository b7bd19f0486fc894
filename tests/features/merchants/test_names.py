"""Names of merchants: what deceives is refused, what is honest passes (rules.md 9, row 38)."""

import pytest

from qrpay.core import Core
from qrpay.features.merchants import service
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.merchants.names import name_defect
from qrpay.problem import Refused

HONEST = (
    "快乐超市",
    "肯德基KFC",
    "北京某某商贸有限公司（朝阳店）",
    "7-Eleven",
    "McDonald's",
    "Café Zoë",
    "Кофейня на углу",
    "ローソン",
    "C&A 服饰",
    "老王家🍜",
    "सागर भोजनालय",
)

DECEIVING = (
    ("\u0410lipay", "Cyrillic A in a Latin word"),
    ("Аррӏе", "a whole word of look-alikes"),
    ("ΑΒΒΑ", "a whole Greek word of look-alikes"),
    ("Alipay", "another scheme"),
    ("WeChat Pay Store", "another scheme"),
    ("支付宝官方", "another scheme"),
    ("Ａｌｉｐａｙ", "full-width letters"),
    ("𝐇𝐚𝐩𝐩𝐲", "mathematical letters"),
    ("Happy\u202etraM", "right-to-left override"),
    ("Happy\u2066Mart", "an isolate"),
    ("Happy\u200bMart", "zero-width space"),
    ("Happy\u200dMart", "a joiner inside Latin"),
    ("Happy\x00Mart", "NUL"),
    ("Happy\nMart", "line feed"),
    ("Cafe\u0301", "not NFC"),
    ("H" + "\u0301\u0302\u0303" * 34, "a hundred marks"),
    ("H\u20dd", "an enclosing mark"),
    ("🍜🍜🍜", "emoji flood"),
    ("🍜", "no letter"),
    (" Happy", "space at the end"),
    ("Happy  Mart", "two spaces"),
    ("Happy\u3000Mart", "ideographic space"),
    ("Shop ٣", "Arabic digits"),
    ("Shop \ue000", "private use"),
)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_name_passes(name: str) -> None:
    """Chinese with Latin, punctuation, accents, other scripts word by word."""
    assert name_defect(name) is None


@pytest.mark.parametrize(("name", "why"), DECEIVING)
async def test_a_deceiving_name_is_refused_and_nobody_is_taken_on(core: Core, name: str, why: str) -> None:
    """Each with the place and a sentence that says what to change."""
    with pytest.raises(Refused) as refused:
        await service.add(core, NewMerchant(name, name_latin="SHOP"))
    assert refused.value.problem.code == "merchant_name_refused", why
    assert refused.value.errors[0].pointer == "/name"
