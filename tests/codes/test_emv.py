"""EMV merchant-presented strings: real codes are read, malformed ones refused, and what is built is read back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrpay.codes import emv
from qrpay.codes.problems import code_malformed
from qrpay.problem import Refused
from qrpay.values import decimal_text

BASE = "00020101021226200010example.qr0102M1520454115303156540512.505802CN5910HAPPY MART6007BEIJING6304248F"

# Name, text, whether it is valid strictly, and some of what stands in it (ids, value).
REAL_CODES = [
    (
        "EMVCo Annex B",
        "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
        "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME"
        "91320016A0112233449988770708123456786304A13A",
        True,
        {("29", "05"): "A93FO3230Q", ("64", "01"): "最佳运输", ("54",): "23.72", ("91", "07"): "12345678"},
    ),
    (
        "PromptPay",
        "00020101021129370016A000000677010111011300668012345675802TH530376463046197",
        False,
        {("29", "00"): "A000000677010111", ("29", "01"): "0066801234567", ("53",): "764"},
    ),
    (
        "Pix",
        "00020104141234567890123426580014BR.GOV.BCB.PIX0136123e4567-e12b-12d1-a456-42665544000027300012BR.COM.OUTRO"
        "011001234567895204000053039865406123.455802BR5917NOME DO RECEBEDOR6008BRASILIA61087007490080390012BR.COM.OUTRO"
        "01190123.ABCD.3456.WXYZ6304549C",
        True,
        {("04",): "12345678901234", ("26", "00"): "BR.GOV.BCB.PIX", ("80", "01"): "0123.ABCD.3456.WXYZ"},
    ),
    (
        "PayNow",
        "00020101021126490009SG.PAYNOW010120210201403121W030110408203012315204000053037025802SG5913ACME Pte Ltd."
        "6009Singapore6304B69E",
        True,
        {("26", "02"): "201403121W", ("26", "04"): "20301231"},
    ),
    (
        "VietQR",
        "00020101021238570010A000000727012700069704220113VQRQACLNP26800208QRIBFTTA530370454061000005802VN"
        "62270823Thanh toan don hang ABC6304CE4C",
        False,
        {("38", "00"): "A000000727", ("38", "02"): "QRIBFTTA", ("62", "08"): "Thanh toan don hang ABC"},
    ),
    (
        "UnionPay",
        "00020101021252044131153137210116372101160123456789ABCDE6010Phnom Penh5913Merchant Shop5802KH540510.005303840"
        "622501081234567802090124444446304A0BA",
        True,
        {("15",): "37210116372101160123456789ABCDE", ("62", "02"): "012444444"},
    ),
    (
        "Mastercard",
        "000201010211057704736a2f41a3-c54c-fce8-32d2-0324e1c32e22*3440e5bf-81ca-4c5f-a1b2-cf989f09a0395204502453038405403"
        "1005802US5913Test Merchant6008New York62080304123463046F6D",
        True,
        {("54",): "100", ("62", "03"): "1234"},
    ),
]  # fmt: skip

# Number, what is changed in BASE ("from" -> "to"; "" appends before 63), its checksum, the reason, the place.
MALFORMED = [
    ("M4", "", "5303156", "A93C", "duplicate_id", "53"),
    ("M5", "000201010212", "010212000201", "EB38", "format_indicator_not_first", "00"),
    ("M7", "26200010example.qr0102M1", "", "A3FC", "missing", "26"),
    ("M8", "000201", "000202", "2A12", "bad_value", "00"),
    ("M9", "010212", "010213", "C56F", "bad_value", "01"),
    ("M10", "540512.50", "54040.00", "FCA6", "bad_value", "54"),
    ("M11", "540512.50", "540612.505", "A1C9", "too_many_decimals", "54"),
    ("M12", "540512.50", "540512,50", "FD98", "bad_value", "54"),
    ("M13", "540512.50", "5406-12.50", "44BF", "bad_value", "54"),
    ("M14", "540512.50", "54031e3", "D481", "bad_value", "54"),
    ("M15", "540512.50", "54061.2.50", "88C4", "bad_value", "54"),
    ("M16", "6007BEIJING", "6099BEIJING", "7A20", "value_too_long", "60"),
    ("M17", "6007BEIJING", "6000", "F31D", "length_zero", "60"),
    ("M18", "6007BEIJING", "600xBEIJING", "EA2C", "not_an_object", "root"),
    ("M19", "5802CN", "５８02CN", "C00E", "not_an_object", "root"),
    ("M20", "26200010example.qr0102M1", "26060102M1", "7FC7", "guid_missing", "26"),
    ("M21", "26200010example.qr0102M1", "26200010example.qr0108M1", "3DB4", "value_too_long", "26/01"),
    ("M22", "5910HAPPY MART", "5904快乐超市", "2FD8", "bad_value", "59"),
    ("M23", "5910HAPPY MART", "5926ABCDEFGHIJKLMNOPQRSTUVWXYZ", "5A63", "bad_value", "59"),
    ("M24", "", "56041.00", "4350", "tip_and_fee_disagree", "56"),
    ("M25", "", "550202", "BDC4", "tip_and_fee_disagree", "56"),
    ("M26", "", "64320002ZH0112快乐超市0206北京", "F53D", None, None),
    ("M27", "5303156", "530215", "FFF0", "bad_value", "53"),
    ("M28", "", "62060902MM", "427F", "bad_value", "62/09"),
]  # fmt: skip
WRONG_END = [
    ("M1", BASE[:-4] + "2480", "crc_wrong"),
    ("M2", BASE[:-4] + "45E6", "crc_wrong"),
    ("M3", BASE[:-4] + "82D0", "crc_wrong"),
    ("M6", BASE + "5303156", "crc_missing"),
]


@pytest.mark.parametrize(
    ("text", "strict", "values"), [row[1:] for row in REAL_CODES], ids=[row[0] for row in REAL_CODES]
)
def test_codes_in_use_are_read(text: str, strict: bool, values: dict[tuple[str, ...], str]) -> None:
    """Codes of seven schemes give the objects their owners put in; those that lack some are read leniently only."""
    message = emv.parse(text, strict=False)
    assert {path: message.find(*path) for path in values} == values
    if strict:
        assert emv.parse(text) == message
    else:
        with pytest.raises(Refused) as refused:
            emv.parse(text)
        assert refused.value.figures == {"reason": "missing", "at": "52"}


def malformed(old: str, new: str, checksum: str) -> str:
    """BASE changed as a row says, with the checksum the rules give for it."""
    changed = BASE[:-8].replace(old, new) if old else BASE[:-8] + new
    text = emv.build(changed)
    if checksum:
        assert text[-4:] == checksum, "the row is not the one of the rules"
    return text


@pytest.mark.parametrize(
    ("old", "new", "checksum", "reason", "at"), [r[1:] for r in MALFORMED], ids=[r[0] for r in MALFORMED]
)
@pytest.mark.parametrize("strict", [True, False])
def test_malformed_codes_are_refused(
    old: str, new: str, checksum: str, reason: str | None, at: str | None, strict: bool
) -> None:
    """Each defect is refused with its reason and place, whosever code it is; the checksum proves the row is right."""
    with pytest.raises(Refused) as refused:
        emv.parse(malformed(old, new, checksum), strict)
    assert refused.value.problem is code_malformed
    if reason:
        assert refused.value.figures == {"reason": reason, "at": at}


@pytest.mark.parametrize(("text", "reason"), [r[1:] for r in WRONG_END], ids=[r[0] for r in WRONG_END])
@pytest.mark.parametrize("strict", [True, False])
def test_a_wrong_or_misplaced_checksum_is_refused(text: str, reason: str, strict: bool) -> None:
    """The checksum is over everything before its value, starts from FFFF and stands last."""
    with pytest.raises(Refused) as refused:
        emv.parse(text, strict)
    assert refused.value.figures == {"reason": reason, "at": "63"}


def test_the_checksum_agrees_with_the_standard() -> None:
    """`123456789` gives 29B1; the base code of the rules is valid; leading zeros are written."""
    assert emv.crc("123456789") == "29B1"
    assert emv.parse(BASE).text == BASE
    assert emv.build(BASE[:-8]) == BASE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("6007BEIJING", "6016SAO JOSE DO RIOX"),
        ("5910HAPPY MART", ""),
        ("", "8707CLASSIC"),
        ("52045411", ""),
    ],
)
def test_a_stranger_may_be_sloppy_where_we_may_not(old: str, new: str) -> None:
    """A long city, a missing name or category, a primitive 80-99: read in codes of others, refused in ours."""
    text = malformed(old, new, "")
    assert emv.parse(text, strict=False)
    with pytest.raises(Refused):
        emv.parse(text)


def test_the_checksum_may_be_in_lower_case_in_codes_of_others() -> None:
    """A scheme in use writes `d5f3`."""
    text = BASE[:-4] + BASE[-4:].lower()
    assert emv.parse(text, strict=False)
    with pytest.raises(Refused):
        emv.parse(text)


def test_the_end_of_a_longer_value_is_no_checksum() -> None:
    """`6304` and a right checksum inside the last name are not object 63."""
    with pytest.raises(Refused) as refused:
        emv.parse(emv.build(BASE[:-8].replace("5910HAPPY MART", "") + "5912HAPP"))
    assert refused.value.figures == {"reason": "crc_not_last", "at": "63"}


def test_an_account_holds_common_characters_only() -> None:
    """A merchant's id in Chinese is refused, whosever code it is."""
    for strict in (True, False):
        with pytest.raises(Refused) as refused:
            emv.parse(malformed("0102M1", "0102快乐", ""), strict)
        assert refused.value.figures == {"reason": "bad_value", "at": "26"}


@pytest.mark.parametrize("text", ["", "6304", "6304FFFF", "00", "\ud800" + BASE, "0" * 513, "\0" * 100])
def test_rubbish_is_refused(text: str) -> None:
    """Nothing but a refusal comes of text that is no code."""
    with pytest.raises(Refused) as refused:
        emv.parse(text)
    assert refused.value.problem is code_malformed


ans = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


@given(
    guid=ans.filter(lambda text: len(text) <= 32),
    name=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=25),
    city=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=15),
    local=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=25),
    amount=st.integers(1, 999_999_999_999),
)
@settings(deadline=None)
def test_what_is_built_is_read_back(guid: str, name: str, city: str, local: str, amount: int) -> None:
    """Any values that fit their objects, Chinese ones too, come back as they were, under a checksum that holds."""
    text = emv.build(
        "000201"
        + emv.write("26", emv.write("00", guid))
        + "520454115303156"
        + emv.write("54", decimal_text(amount, 2))
        + "5802CN"
        + emv.write("59", name)
        + emv.write("60", city)
        + emv.write("64", emv.write("00", "ZH") + emv.write("01", local))
    )
    message = emv.parse(text)
    assert [message.find(*path) for path in (("26", "00"), ("59",), ("60",), ("64", "01"))] == [guid, name, city, local]
    assert emv.minor_units(message.find("54") or "", 2) == amount


@given(st.text(max_size=600))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail otherwise than by a refusal, with or without a checksum that holds."""
    for candidate in (text, emv.build("000201" + text) if text.isprintable() else text):
        try:
            emv.parse(candidate)
        except Refused as refused:
            assert refused.problem is code_malformed
