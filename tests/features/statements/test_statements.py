"""Statements: days cut exactly, files whose sums add up and whose bytes stay, signatures that a stranger can check."""

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import zipfile
import zlib
from datetime import date, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from lxml import etree

from qrpay.core import Core
from qrpay.features.fees import service as fees
from qrpay.features.fees.model import FeeTerms, NewPlan, Tier
from qrpay.features.keys.feature import feature as keys_feature
from qrpay.features.statements import files, service
from qrpay.features.statements.feature import feature
from qrpay.problem import Refused
from qrpay.values import id_text
from tests.features.served import bearer, served
from tests.features.statements.conftest import DayClock, Shop, open_shop

DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)
EXAMPLE = Path(__file__).parents[3] / "examples" / "verify_statement.py"


async def content(core: Core, shop: Shop, period: str, name: str, *, bom: bool = False) -> bytes:
    """The bytes of a file."""
    book = await service.book(core, shop.merchant, period)
    async with files.rendered(core, book, name, bom=bom) as made:
        return made.file.read()


async def table(core: Core, shop: Shop, period: str, name: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO((await content(core, shop, period, name)).decode())))


async def busy_monday(core: Core, clock: DayClock) -> tuple[Shop, list[str]]:
    """Two sales and a refund on Monday, a payout that sets out then and is booked on Tuesday, as is one more sale."""
    shop = await open_shop(core)
    clock.set(MONDAY)
    first = await shop.sells("R-1", 1_250, "=HYPERLINK(1)")
    await shop.gives_back(first, "-back", 250)
    clock.set(MONDAY, 23.99)
    late = await shop.sells("R-2", 7)
    payout = await shop.held(500)
    clock.set(MONDAY + DAY, 0.00001)
    next_day = await shop.sells("R-3", 5_000)
    await shop.booked(payout)
    return shop, [first, late, next_day]


async def test_days_follow_each_other_and_every_line_is_in_one(core: Core, clock: DayClock) -> None:
    """A sale before midnight is Monday's, one just after is Tuesday's; each day opens where the last one closed."""
    shop, ordered = await busy_monday(core, clock)
    clock.set(MONDAY + 3 * DAY)
    monday = (await service.book(core, shop.merchant, "2026-11-23")).statement
    tuesday = (await service.book(core, shop.merchant, "2026-11-24")).statement
    month = (await service.book(core, shop.merchant, "2026-11-23")).statement

    assert (monday.opening, monday.credits, monday.debits, monday.closing, monday.pending) == (
        0,
        1_257,
        250,
        1_007,
        500,
    )
    assert (tuesday.opening, tuesday.credits, tuesday.debits, tuesday.closing) == (1_007, 5_000, 500, 5_507)
    assert month.after < month.until == tuesday.after
    funds = [await table(core, shop, day, "fund.csv") for day in ("2026-11-22", "2026-11-23", "2026-11-24")]
    assert [[(row["kind"], row["credit"], row["debit"], row["balance"]) for row in rows] for rows in funds] == [
        [("opening", "", "", "0.00"), ("closing", "0.00", "0.00", "0.00")],
        [("opening", "", "", "0.00"), ("payment", "12.50", "", "12.50"), ("refund", "", "2.50", "10.00"),
         ("payment", "0.07", "", "10.07"), ("closing", "12.57", "2.50", "10.07")],
        [("opening", "", "", "10.07"), ("payment", "50.00", "", "60.07"), ("settlement", "", "5.00", "55.07"),
         ("closing", "50.00", "5.00", "55.07")],
    ]  # fmt: skip
    assert [row["about"] for row in funds[1][1:-1]] == [ordered[0], ordered[0], ordered[1]]


async def test_a_trade_file_says_what_was_sold_and_given_back(core: Core, clock: DayClock) -> None:
    """Order, references, place, masked payer; formulas in texts are text; the last row adds up."""
    shop, ordered = await busy_monday(core, clock)
    clock.set(MONDAY + DAY)
    sale, refund, _, total = await table(core, shop, "2026-11-23", "trade.csv")

    assert (sale["kind"], sale["order"], sale["reference"], sale["amount"]) == ("payment", ordered[0], "R-1", "12.50")
    assert (sale["store"], sale["terminal"], sale["description"]) == ("'=M1", "T1", "'=HYPERLINK(1)")
    assert (refund["kind"], refund["order"], refund["refund_reference"]) == ("refund", ordered[0], "'-back")
    assert refund["refund"].startswith("ref_")
    assert (refund["amount"], refund["net"], refund["payer"], sale["payer"]) == ("-2.50", "-2.50", "张**", "张**")
    assert sale["at"].startswith("2026-11-23T12:00:0") and sale["at"].endswith("+08:00")
    assert (total["kind"], total["number"], total["amount"], total["net"]) == ("total", "3", "10.07", "10.07")
    with_mark = await content(core, shop, "2026-11-23", "trade.csv", bom=True)
    assert with_mark == b"\xef\xbb\xbf" + await content(core, shop, "2026-11-23", "trade.csv")


async def test_a_workbook_holds_no_formula(core: Core, clock: DayClock) -> None:
    """Texts are texts, sums are numbers, and the same day is the same bytes again."""
    shop, _ = await busy_monday(core, clock)
    clock.set(MONDAY + DAY)
    book = await content(core, shop, "2026-11-23", "trade.xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "&#39;=HYPERLINK" in sheet.replace("'", "&#39;")
    assert "<v>12.5</v>" in sheet and "<v>10.07</v>" in sheet
    clock.set(MONDAY + 2 * DAY)
    assert await content(core, shop, "2026-11-23", "trade.xlsx") == book


async def test_camt_053_is_valid_by_the_official_schema(core: Core, clock: DayClock) -> None:
    """ISO's own schema takes it; opening and entries come to closing; what is held for payouts is not available."""
    shop, _ = await busy_monday(core, clock)
    clock.set(MONDAY + DAY)
    document = etree.fromstring(await content(core, shop, "2026-11-23", "camt.053.xml"))
    official = Path(str(distribution("camt053").locate_file("camt053/xsd/camt.053.001.08.xsd")))
    schema = etree.XMLSchema(etree.fromstring(official.read_bytes()))
    assert schema.validate(document), schema.error_log
    name = {"c": document.nsmap[None]}
    balances = [one.text for one in document.iterfind(".//c:Bal/c:Amt", name)]
    entries = [one.text for one in document.iterfind(".//c:Ntry/c:Amt", name)]
    sides = [one.text for one in document.iterfind(".//c:Ntry/c:CdtDbtInd", name)]
    assert (balances, entries, sides) == (
        ["0.00", "10.07", "5.07"],
        ["12.50", "2.50", "0.07"],
        ["CRDT", "DBIT", "CRDT"],
    )


async def test_a_day_has_no_statement_before_it_is_over(core: Core, clock: DayClock) -> None:
    """Refused with when to come back; from then on every file is the same bytes, whatever happens later."""
    shop, _ = await busy_monday(core, clock)
    clock.set(MONDAY, 23.999)
    with pytest.raises(Refused) as refused:
        await service.book(core, shop.merchant, "2026-11-23")
    assert refused.value.problem.code == "statement_not_ready"
    assert refused.value.figures["ready_at"] == "2026-11-23T16:01:00.000Z"
    clock.set(MONDAY + DAY, 0.1)
    then = {name: await content(core, shop, "2026-11-23", name) for name in service.DAY_FILES}
    await shop.sells("R-4", 1)
    clock.set(MONDAY + 20 * DAY)
    assert then == {name: await content(core, shop, "2026-11-23", name) for name in service.DAY_FILES}


async def test_fees_stand_beside_what_they_were_for(core: Core, clock: DayClock) -> None:
    """A payment's fee, what came back of it with a refund; the nets add up to what the funds moved."""
    shop = await open_shop(core)
    clock.set(MONDAY)
    terms = FeeTerms([Tier(rate_bp=100)])
    await fees.set_plan(core, NewPlan("CNY", MONDAY, terms, merchant=shop.merchant), "ana")
    first = await shop.sells("R-1", 1_000)
    await shop.gives_back(first, "G-1", 100)
    await shop.gives_back(first, "G-2", 500)
    await shop.sells("R-2", 300)
    clock.set(MONDAY + DAY)
    rows = await table(core, shop, "2026-11-23", "trade.csv")
    assert [(row["amount"], row["fee"], row["net"]) for row in rows] == [
        ("10.00", "0.10", "9.90"), ("-1.00", "-0.01", "-0.99"), ("-5.00", "-0.05", "-4.95"), ("3.00", "0.03", "2.97"),
        ("7.00", "0.07", "6.93"),
    ]  # fmt: skip
    assert (await service.book(core, shop.merchant, "2026-11-23")).statement.closing == 693


def black_and_white(pdf: bytes, scale: int = 4) -> Any:
    """The rectangles of a page as a picture; `scale` pixels to the point."""
    [packed] = re.findall(rb"stream\r?\n(.*?)~>", pdf, re.DOTALL)
    drawing = zlib.decompress(base64.a85decode(packed)).decode("latin-1")
    picture = np.full((842 * scale, 596 * scale), 255, np.uint8)
    white = True
    for line in drawing.splitlines():
        if line.endswith(" rg"):
            white = not line.startswith("0 0 0")
        elif (said := line.split())[-2:] == ["re", "f*"]:
            x, y, wide, high = (float(number) for number in said[said.index("re") - 4 : said.index("re")])
            rows = slice(round((841.89 - y - high) * scale), round((841.89 - y) * scale))
            picture[rows, round(x * scale) : round((x + wide) * scale)] = 255 if white else 0
    return picture


async def test_a_month_is_a_page_whose_code_says_what_the_bank_signed(core: Core, clock: DayClock) -> None:
    """The code leads to the page that verifies it; what it says is the signature of the month's days."""
    shop, _ = await busy_monday(core, clock)
    clock.set(date(2026, 12, 1))
    page = await content(core, shop, "2026-11", "statement.pdf")
    [code] = zxingcpp.read_barcodes(black_and_white(page))
    link, _, signed = code.text.partition("#")
    said = service.verified(core, signed)
    days = await content(core, shop, "2026-11", "days.csv")
    assert link == f"{core.settings.url}/verify"
    assert (said.file, said.sha256, said.closing) == ("days.csv", hashlib.sha256(days).hexdigest(), 5_507)
    rows = list(csv.DictReader(io.StringIO(days.decode())))
    assert [row["balance"] for row in rows if row["date"] in ("opening", "2026-11-23", "2026-11-24", "total")] == [
        "0.00", "10.07", "55.07", "55.07",
    ]  # fmt: skip
    assert page == await content(core, shop, "2026-11", "statement.pdf")


async def test_many_lines_are_read_page_by_page(core: Core, clock: DayClock) -> None:
    """More lines than a page holds: none is lost, none comes twice."""
    shop = await open_shop(core)
    clock.set(MONDAY)
    paid = await shop.in_bulk(service.PAGE * 2 + 1, 3)
    clock.set(MONDAY + DAY)
    rows = await table(core, shop, "2026-11-23", "trade.csv")
    assert [row["transfer"] for row in rows[:-1]] == [id_text("", one) for one in paid]
    assert rows[-1]["amount"] == f"{3 * len(paid) / 100:.2f}"


async def test_files_over_http_with_a_signature_that_a_stranger_checks(
    core: Core, clock: DayClock, tmp_path: Path
) -> None:
    """A file, its signature and the key set are enough; one byte more is noticed; others see nothing."""
    shop, _ = await busy_monday(core, clock)
    other = await open_shop(core, "另一家")
    clock.set(MONDAY + DAY)
    async with served(core, [keys_feature, feature]) as house:
        mine = bearer("sk_", shop.merchant.hex)
        async with house.session.get("/v1/statements/2026-11-23", headers=mine) as answer:
            said = await answer.json()
            assert answer.status == 200 and said["closing"] == 1_007, said
        async with house.session.get("/v1/statements/2026-11-23/trade.csv", headers=mine) as answer:
            (tmp_path / "trade.csv").write_bytes(await answer.read())
            assert answer.headers["Repr-Digest"].startswith("sha-256=:")
            in_header = answer.headers["Qrpay-Statement"]
        async with house.session.get("/v1/statements/2026-11-23/trade.csv.jws", headers=mine) as answer:
            (tmp_path / "trade.csv.jws").write_bytes(await answer.read())
            assert await answer.text() == in_header
        async with house.session.get("/.well-known/jwks.json") as answer:
            (tmp_path / "jwks.json").write_bytes(await answer.read())
        async with house.session.post("/v1/statements/verify", json={"statement": in_header}) as answer:
            assert (await answer.json())["file"] == "trade.csv"
        async with house.session.post("/v1/statements/verify", json={"statement": in_header[:-4] + "AAAA"}) as answer:
            assert answer.status == 422
        theirs = bearer("sk_", other.merchant.hex)
        async with house.session.get("/v1/statements/2026-11-23.csv", headers=theirs) as answer:
            assert answer.status == 200 and len((await answer.text()).splitlines()) == 2
        for path in ("2026-11-23/nothing.csv", "2026-02-30", "2026-11-24.xml", "0001-01-01"):
            async with house.session.get(f"/v1/statements/{path}", headers=mine) as answer:
                assert answer.status == 404, path
        async with house.session.get("/v1/statements/2026-11-24", headers=mine) as answer:
            assert answer.status == 409 and int(answer.headers["Retry-After"]) > 0

    def checked() -> tuple[int, str]:
        place = [str(tmp_path / name) for name in ("jwks.json", "trade.csv", "trade.csv.jws")]
        done = subprocess.run([sys.executable, "-I", EXAMPLE, *place], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    status, said = checked()
    assert status == 0 and "10.07" in said and "快乐超市" in said, said
    with (tmp_path / "trade.csv").open("ab") as file:
        file.write(b"\n")
    status, said = checked()
    assert status == 1 and "NOT PROVED" in said
