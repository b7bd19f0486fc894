"""What is found out without a person: the vectors of rules.md 3.4 and 9 (row 38), each with what must come out."""

import pytest
from msgspec.structs import replace

from qrpay.features.onboarding.checks import run
from qrpay.features.onboarding.model import Contact, Fields, PaperKind, Payout
from qrpay.features.onboarding.papers import media_type_of

LEGAL = "福州快乐商贸有限公司"
GOOD = Fields(
    legal_name=LEGAL, short_name="快乐超市", name_latin="HAPPY MART", uscc="91350100M000100Y43",
    mcc="5411", city="FUZHOU",
    contact=Contact("张三", "13800138000", "zhang@shop.example"),
    payout=Payout(LEGAL, "6222021234567890128", "102100099996"),
)  # fmt: skip
PAPERS: tuple[PaperKind, ...] = ("business_licence", "legal_person_id")


def results(fields: Fields, *papers: PaperKind, known: bool = False) -> dict[str, str]:
    """Each check's result."""
    return {check.name: check.result for check in run(fields, papers, known=known)}


def test_a_good_application_waits_for_a_person_to_read_its_papers() -> None:
    """Nothing failed; two papers, and a company that is known already, are for somebody to look at."""
    found = results(GOOD, *PAPERS)
    assert {name for name, result in found.items() if result != "passed"} == {"business_licence", "legal_person_id"}
    assert results(GOOD, *PAPERS, known=True)["uscc_unused"] == "needs_person"


def test_what_is_missing_is_told_all_at_once() -> None:
    """An empty form fails everything that can fail, with a sentence in both languages."""
    found = run(Fields(), (), known=False)
    failed = [check for check in found if check.result == "failed"]
    assert len(failed) == len(found) - 1
    assert all(check.en and check.zh and check.pointer.startswith("/") for check in failed)


@pytest.mark.parametrize(
    ("fields", "check", "result"),
    [
        (replace(GOOD, uscc="91330106MA00000A1G"), "uscc", "passed"),
        (replace(GOOD, uscc="91350100M000100Y44"), "uscc", "failed"),
        (replace(GOOD, uscc="91350100I000100Y43"), "uscc", "failed"),
        (replace(GOOD, short_name="Аlipay"), "short_name", "failed"),
        (replace(GOOD, short_name="支付宝"), "short_name", "failed"),
        (replace(GOOD, name_latin="PayPal"), "name_latin", "failed"),
        (replace(GOOD, short_name="Tea", name_latin=Fields().name_latin), "name_latin", "passed"),
        (replace(GOOD, name_latin=Fields().name_latin), "name_latin", "failed"),
        (replace(GOOD, mcc="7995"), "mcc", "failed"),
        (replace(GOOD, mcc="0000"), "mcc", "failed"),
        (replace(GOOD, mcc="0001"), "mcc", "failed"),
        (replace(GOOD, mcc="8398"), "mcc", "passed"),
        (replace(GOOD, payout=Payout("张三", "6222021234567890128", "102100099996")), "payout_name", "failed"),
        (replace(GOOD, payout=Payout(LEGAL, "6222021234567890123", "102100099996")), "payout_account", "failed"),
        (replace(GOOD, payout=Payout(LEGAL, "62170000000000004", "102100099996")), "payout_account", "passed"),
        (replace(GOOD, payout=Payout(LEGAL, "3500100100052501234", "102100099996")), "payout_account", "needs_person"),
    ],
)
def test_what_each_check_says(fields: Fields, check: str, result: str) -> None:
    """A slip is found; what has no check digit is left to a person."""
    assert results(fields, *PAPERS)[check] == result


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        (b"%PDF-1.7\n1 0 obj\n%%EOF\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82", "image/png"),
        (b"\xff\xd8\xff\xe0....\xff\xd9", "image/jpeg"),
        (b"%PDF-1.7 cut short", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"GIF89a....", None),
        (b"<svg onload=alert(1)>%PDF-1.7%%EOF", None),
        (b"MZ\x90\x00", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_say(file: bytes, media_type: str | None) -> None:
    """Whatever it is called; a script or a program is nothing we take."""
    assert media_type_of(file) == media_type
