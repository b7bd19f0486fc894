"""Messages: written and read by our usage, valid for the standard, and nothing of a hostile document is believed."""

from datetime import UTC, date, datetime
from importlib.metadata import distribution
from pathlib import Path

import pytest
from lxml import etree

from qrpay.features.clearing import iso20022
from qrpay.features.clearing.model import OrderedPayment, Party, Report

AT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
BANK = Party("qrpay", "QRPAY-SETTLEMENT", "000000000000")
SHOP = Party("张三小吃店 & Söhne <Ltd>", "6217001234567890", "102100099996")
ORDER = iso20022.order("M1", BANK, date(2026, 3, 2), AT, [
    OrderedPayment("a" * 32, 1_250, "CNY", SHOP, "结算 2026-03-01"), OrderedPayment("b" * 32, 1, "CNY", SHOP, ""),
])  # fmt: skip
STATUS = iso20022.status_report("S1", AT, "M1", [
    Report("accepted", "a" * 32), Report("rejected", "b" * 32, code="AC04", reason="closed"),
])  # fmt: skip
ALL_REJECTED = iso20022.status_report("S2", AT, "M1", [])
BOOKED = iso20022.notification("N1", AT, "QRPAY-SETTLEMENT", [
    Report("booked", "a" * 32, "", 1_250, "CNY"), Report("returned", "a" * 32, "", 1_250, "CNY", "AC06", "blocked"),
])  # fmt: skip
OFFICIAL = {
    "pain.001": ("pain001", "pain001/templates/pain.001.001.09/pain.001.001.09.xsd"),
    "pain.002": ("pain001", "pain001/pain002/schemas/pain.002.001.12.xsd"),
    "camt.054": ("camt053", "camt053/xsd/camt.054.001.08.xsd"),
}
"""Where the development packages keep ISO's own schemas; they are not imported, and bring nothing else."""


@pytest.mark.parametrize("document", [ORDER, STATUS, ALL_REJECTED, BOOKED], ids=["001", "002", "002 group", "054"])
def test_what_we_write_is_valid_by_the_official_schema(document: bytes) -> None:
    """Ours is narrower than the standard's, so whatever passes ours must pass it."""
    kind, root = iso20022.read(document)
    package, place = OFFICIAL[kind]
    official = Path(str(distribution(package).locate_file(place)))
    schema = etree.XMLSchema(etree.fromstring(official.read_bytes()))
    assert schema.validate(root), schema.error_log


def test_an_order_is_read_as_it_was_written() -> None:
    """Names in Chinese, with characters that XML treats specially; amounts in minor units."""
    order = iso20022.read_order(ORDER)
    assert (order.msg_id, order.debtor, order.execution_on) == ("M1", BANK, date(2026, 3, 2))
    assert [(one.amount, one.remittance) for one in order.payments] == [(1_250, "结算 2026-03-01"), (1, "")]
    assert order.payments[0].creditor == SHOP
    assert b">12.50<" in ORDER


def test_answers_are_read_as_reports() -> None:
    """Promises, refusals, the refusal of all, bookings and returns."""
    assert [(one.what, one.end_to_end[:1], one.code) for one in iso20022.read_reports(STATUS).reports] == [
        ("accepted", "a", None), ("rejected", "b", "AC04"),
    ]  # fmt: skip
    [all_of_it] = iso20022.read_reports(ALL_REJECTED).reports
    assert (all_of_it.what, all_of_it.end_to_end, all_of_it.message) == ("rejected", "", "M1")
    assert [(one.what, one.amount, one.code) for one in iso20022.read_reports(BOOKED).reports] == [
        ("booked", 1_250, None), ("returned", 1_250, "AC06"),
    ]  # fmt: skip


def test_a_pending_entry_is_no_proof() -> None:
    """Only what is booked is."""
    pending = BOOKED.replace(b"<Cd>BOOK</Cd>", b"<Cd>PDNG</Cd>")
    assert {one.what for one in iso20022.read_reports(pending).reports} == {"other"}


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY f SYSTEM "file:///etc/passwd">]>"""
HEADER = b"<?xml version='1.0' encoding='UTF-8'?>"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "not well formed"),
        (b"<Document/>", "not a message"),
        (BOOKED[:-20], "not well formed"),
        (BOOKED.replace(HEADER, BOMB).replace(b">N1<", b">&b;<"), "DTD"),
        (BOOKED.replace(HEADER, FILE).replace(b">N1<", b">&f;<"), "DTD"),
        (BOOKED.replace(b"camt.054.001.08", b"camt.054.001.09"), "not a message"),
        (BOOKED.replace(b"CdtDbtInd", b"Unknown"), "Unknown"),
        (BOOKED.replace(b">12.50<", b">-12.50<"), "Amt"),
        (BOOKED.replace(b'"CNY"', b'"XAU"'), "not known"),
        (BOOKED.replace(b">12.50<", b">12.505<"), "too many decimals"),
        (b" " * (iso20022.DOCUMENT_MAX + 1), "bytes"),
        (ORDER, "no answer"),
    ],
    ids=[
        "empty",
        "another",
        "cut",
        "bomb",
        "file",
        "version",
        "element",
        "negative",
        "gold",
        "decimals",
        "large",
        "own",
    ],
)
def test_what_is_no_valid_answer_is_refused_with_the_reason(document: bytes, says: str) -> None:
    """Nothing is expanded, nothing is fetched, nothing half understood is believed."""
    with pytest.raises(iso20022.UnreadableError, match=says):
        iso20022.read_reports(document)


@pytest.mark.parametrize("change", [(b"<NbOfTxs>2", b"<NbOfTxs>3"), (b"<CtrlSum>12.51", b"<CtrlSum>12.50")])
def test_an_order_whose_totals_do_not_add_up_is_refused(change: tuple[bytes, bytes]) -> None:
    """As a real house would."""
    assert change[0] in ORDER
    with pytest.raises(iso20022.UnreadableError, match="NbOfTxs or CtrlSum"):
        iso20022.read_order(ORDER.replace(*change))
