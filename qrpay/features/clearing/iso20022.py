"""ISO 20022 messages of the 2019 release: pain.001.001.09 out, pain.002.001.12 and camt.054.001.08 back.

Each document is validated against our usage of its message (schemas/), which is narrower than the standard's, before it
goes out and before a word of it is believed. The parser knows no DTD, no entity and no network. Loaded by the
background, the command line and the sandbox only: web workers hold no XML library.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from lxml import etree

from qrpay.features.clearing.model import MessageKind, Ordered, OrderedPayment, Party, Report, Reports
from qrpay.values import CURRENCIES, decimal_text

NAMES: Final[Mapping[MessageKind, str]] = {
    "pain.001": "pain.001.001.09", "pain.002": "pain.002.001.12", "camt.054": "camt.054.001.08",
}  # fmt: skip
NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
DOCUMENT_MAX: Final = 8_000_000
"""Bytes of a document that is read."""
PAYMENTS_MAX: Final = 1_000
CLEARING_SYSTEM: Final = "CNAPS"
"""China National Advanced Payment System, in ISO's external code set of clearing systems."""
ACCEPTED: Final = frozenset({"ACTC", "ACCP", "ACSP", "ACWC", "ACSC", "ACCC", "RCVD", "PDNG"})
"""Statuses that promise, and prove nothing: the proof is the booking (camt.054)."""


class UnreadableError(ValueError):
    """No document of ours: not well formed, with a DTD, too large, of another message, or against its schema."""


# Reading -------------------------------------------------------------------------------------------------------


def _parser() -> Any:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip


@cache
def _schema(kind: MessageKind) -> Any:
    path = Path(__file__).parent / "schemas" / f"{NAMES[kind]}.xsd"
    return etree.XMLSchema(etree.parse(str(path), _parser()))


def read(document: bytes) -> tuple[MessageKind, Any]:
    """The kind and the root of a document that is valid. Raises UnreadableError, with the line."""
    if len(document) > DOCUMENT_MAX:
        raise UnreadableError(f"the document has {len(document)} bytes; {DOCUMENT_MAX} are read")
    try:
        root = etree.fromstring(document, _parser())
    except (etree.XMLSyntaxError, ValueError) as defect:
        raise UnreadableError(f"not well formed: {defect}"[:500]) from defect
    if root.getroottree().docinfo.doctype:
        raise UnreadableError("a document with a DTD is not read")
    kinds: dict[str, MessageKind] = {f"{{{NAMESPACE}{name}}}Document": kind for kind, name in NAMES.items()}
    kind = kinds.get(str(root.tag))
    if kind is None:
        raise UnreadableError(f"not a message that we know: {root.tag}"[:200])
    schema = _schema(kind)
    if not schema.validate(root):
        error = schema.error_log[0]
        raise UnreadableError(f"{NAMES[kind]}, line {error.line}: {error.message}"[:500])
    return kind, root


def read_order(document: bytes) -> Ordered:
    """A pain.001, as the clearing house reads it. Raises UnreadableError, also when its totals do not add up."""
    kind, root = read(document)
    if kind != "pain.001":
        raise UnreadableError(f"{kind} is not an order to pay")
    name = _Names(kind)
    group, info = name.one(root, "CstmrCdtTrfInitn/GrpHdr"), name.one(root, "CstmrCdtTrfInitn/PmtInf")
    payments = [
        OrderedPayment(
            name.text(tx, "PmtId/EndToEndId"),
            *_amount(name.one(tx, "Amt/InstdAmt")),
            name.party(tx, "Cdtr", "CdtrAcct", "CdtrAgt"),
            name.text(tx, "RmtInf/Ustrd"),
        )
        for tx in name.all(info, "CdtTrfTxInf")
    ]
    total = sum(Decimal(name.one(tx, "Amt/InstdAmt").text) for tx in name.all(info, "CdtTrfTxInf"))
    for head in (group, info):
        if int(name.text(head, "NbOfTxs")) != len(payments) or Decimal(name.text(head, "CtrlSum")) != total:
            raise UnreadableError("NbOfTxs or CtrlSum is not that of the payments")
    debtor = name.party(info, "Dbtr", "DbtrAcct", "DbtrAgt")
    execution_on = date.fromisoformat(name.text(info, "ReqdExctnDt/Dt"))
    return Ordered(name.text(group, "MsgId"), debtor, execution_on, payments)


def read_reports(document: bytes) -> Reports:
    """A pain.002 or camt.054. Raises UnreadableError."""
    kind, root = read(document)
    if kind == "pain.001":
        raise UnreadableError("pain.001 goes out; it is no answer")
    name = _Names(kind)
    found = _statuses(name, root) if kind == "pain.002" else _bookings(name, root)
    return Reports(kind, name.text(root, "*/GrpHdr/MsgId"), list(found))


def _statuses(name: "_Names", root: Any) -> Iterator[Report]:
    original = name.one(root, "CstmrPmtStsRpt/OrgnlGrpInfAndSts")
    message = name.text(original, "OrgnlMsgId")
    single = name.all(root, "CstmrPmtStsRpt/OrgnlPmtInfAndSts/TxInfAndSts")
    if not single and name.text(original, "GrpSts") == "RJCT":
        yield Report("rejected", "", message, None, "", *_reason(name, original, "StsRsnInf"))
    for tx in single:
        status = name.text(tx, "TxSts")
        what = "rejected" if status == "RJCT" else "accepted" if status in ACCEPTED else "other"
        yield Report(what, name.text(tx, "OrgnlEndToEndId"), message, None, "", *_reason(name, tx, "StsRsnInf"))  # type: ignore[arg-type] # one of the three


def _bookings(name: "_Names", root: Any) -> Iterator[Report]:
    for entry in name.all(root, "BkToCstmrDbtCdtNtfctn/Ntfctn/Ntry"):
        amount, currency = _amount(name.one(entry, "Amt"))
        booked = name.text(entry, "Sts/Cd") == "BOOK"
        side = name.text(entry, "CdtDbtInd")
        details = name.one(entry, "NtryDtls/TxDtls")
        returned = side == "CRDT" and name.all(details, "RtrInf")
        what = "other" if not booked else "booked" if side == "DBIT" else "returned" if returned else "other"
        end_to_end = name.text(details, "Refs/EndToEndId")
        yield Report(what, end_to_end, "", amount, currency, *_reason(name, details, "RtrInf"))  # type: ignore[arg-type] # one of the three


def _reason(name: "_Names", at: Any, element: str) -> tuple[str | None, str | None]:
    code, said = name.text(at, f"{element}/Rsn/Cd"), name.text(at, f"{element}/AddtlInf")
    return code or None, said or None


def _amount(element: Any) -> tuple[int, str]:
    """Minor units and currency. Raises UnreadableError for a currency we do not know, or more decimals than it has."""
    code = element.get("Ccy")
    currency = CURRENCIES.get(code)
    if currency is None:
        raise UnreadableError(f"the currency {code} is not known")
    minor = Decimal(element.text) * 10**currency.exponent
    if minor != minor.to_integral_value():
        raise UnreadableError(f"{element.text} {code} has too many decimals")
    return int(minor), code


class _Names:
    """Paths within one message's namespace."""

    def __init__(self, kind: MessageKind) -> None:
        self._prefix = f"{{{NAMESPACE}{NAMES[kind]}}}"

    def _path(self, path: str) -> str:
        return "/".join(step if step == "*" else self._prefix + step for step in path.split("/"))

    def all(self, at: Any, path: str) -> list[Any]:
        return list(at.iterfind(self._path(path)))

    def one(self, at: Any, path: str) -> Any:
        return self.all(at, path)[0]

    def text(self, at: Any, path: str) -> str:
        return at.findtext(self._path(path)) or ""

    def party(self, at: Any, who: str, account: str, agent: str) -> Party:
        bank = self.text(at, f"{agent}/FinInstnId/ClrSysMmbId/MmbId")
        return Party(self.text(at, f"{who}/Nm"), self.text(at, f"{account}/Id/Othr/Id"), bank)


# Writing -------------------------------------------------------------------------------------------------------

Tree = Sequence[tuple[str, "str | Tree | Amounted"]]


class Amounted(str):
    """A decimal text with its currency as an attribute."""

    __slots__ = ("currency",)
    currency: str

    @classmethod
    def of(cls, minor: int, currency: str) -> "Amounted":
        """Minor units as the message writes them: 1250 fen are 12.50 CNY."""
        text = cls(decimal_text(minor, CURRENCIES[currency].exponent))
        text.currency = currency
        return text


def write(kind: MessageKind, tree: Tree) -> bytes:
    """The document of a message, valid against its schema; an invalid one is a bug of ours."""
    space = NAMESPACE + NAMES[kind]
    root = etree.Element(f"{{{space}}}Document", nsmap={None: space})
    _grow(root, tree, f"{{{space}}}")
    document = bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    read(document)
    return document


def _grow(parent: Any, tree: Tree, prefix: str) -> None:
    for name, content in tree:
        element = etree.SubElement(parent, prefix + name)
        if isinstance(content, str):
            element.text = content
            if isinstance(content, Amounted):
                element.set("Ccy", content.currency)
        else:
            _grow(element, content, prefix)


def order(msg_id: str, debtor: Party, execution_on: date, at: datetime, payments: Sequence[OrderedPayment]) -> bytes:
    """A pain.001 that asks to pay these, all of one currency, at most PAYMENTS_MAX."""
    exponent = CURRENCIES[payments[0].currency].exponent
    totals: Tree = [
        ("NbOfTxs", str(len(payments))),
        ("CtrlSum", decimal_text(sum(one.amount for one in payments), exponent)),
    ]
    transfers: Tree = [
        ("CdtTrfTxInf", [
            ("PmtId", [("InstrId", one.end_to_end), ("EndToEndId", one.end_to_end)]),
            ("Amt", [("InstdAmt", Amounted.of(one.amount, one.currency))]),
            ("CdtrAgt", _agent(one.creditor)),
            ("Cdtr", [("Nm", one.creditor.name)]),
            ("CdtrAcct", _account(one.creditor)),
            *([("RmtInf", [("Ustrd", one.remittance)])] if one.remittance else []),
        ])
        for one in payments
    ]  # fmt: skip
    return write("pain.001", [("CstmrCdtTrfInitn", [
        ("GrpHdr", [("MsgId", msg_id), ("CreDtTm", moment(at)), *totals, ("InitgPty", [("Nm", debtor.name)])]),
        ("PmtInf", [
            ("PmtInfId", msg_id), ("PmtMtd", "TRF"), *totals, ("ReqdExctnDt", [("Dt", execution_on.isoformat())]),
            ("Dbtr", [("Nm", debtor.name)]), ("DbtrAcct", _account(debtor)), ("DbtrAgt", _agent(debtor)), *transfers,
        ]),
    ])])  # fmt: skip


def status_report(msg_id: str, at: datetime, original: str, reports: Sequence[Report]) -> bytes:
    """A pain.002 about an order, as the clearing house writes it; with no reports, the whole order is rejected."""
    singles: Tree = [
        ("TxInfAndSts", [
            ("OrgnlInstrId", one.end_to_end), ("OrgnlEndToEndId", one.end_to_end),
            ("TxSts", "RJCT" if one.what == "rejected" else "ACSP"), *_why("StsRsnInf", one.code, one.reason),
        ])
        for one in reports
    ]  # fmt: skip
    rejected: Tree = [("GrpSts", "RJCT"), *_why("StsRsnInf", "FF01", "the order cannot be read")]
    original_group: Tree = [("OrgnlMsgId", original), ("OrgnlMsgNmId", NAMES["pain.001"])]
    header: Tree = [("MsgId", msg_id), ("CreDtTm", moment(at))]
    if not reports:
        report: Tree = [("GrpHdr", header), ("OrgnlGrpInfAndSts", [*original_group, *rejected])]
    else:
        payments: Tree = [("OrgnlPmtInfId", original), *singles]
        report = [("GrpHdr", header), ("OrgnlGrpInfAndSts", original_group), ("OrgnlPmtInfAndSts", payments)]
    return write("pain.002", [("CstmrPmtStsRpt", report)])


def notification(msg_id: str, at: datetime, account: str, reports: Sequence[Report]) -> bytes:
    """A camt.054: what was booked, or came back, as the clearing house writes it."""
    entries: Tree = [
        ("Ntry", [
            ("Amt", Amounted.of(one.amount or 0, one.currency)),
            ("CdtDbtInd", "DBIT" if one.what == "booked" else "CRDT"), ("Sts", [("Cd", "BOOK")]),
            ("BookgDt", [("Dt", at.date().isoformat())]), ("BkTxCd", [("Prtry", [("Cd", "PAYOUT")])]),
            ("NtryDtls", [("TxDtls", [
                ("Refs", [("EndToEndId", one.end_to_end)]),
                *(_why("RtrInf", one.code or "NARR", one.reason) if one.what == "returned" else []),
            ])]),
        ])
        for one in reports
    ]  # fmt: skip
    return write("camt.054", [("BkToCstmrDbtCdtNtfctn", [
        ("GrpHdr", [("MsgId", msg_id), ("CreDtTm", moment(at))]),
        ("Ntfctn", [("Id", msg_id), ("Acct", [("Id", [("Othr", [("Id", account)])])]), *entries]),
    ])])  # fmt: skip


def _why(element: str, code: str | None, reason: str | None) -> Tree:
    if code is None:
        return []
    why: Tree = [("Rsn", [("Cd", code)])]
    more: Tree = [("AddtlInf", reason[:105])] if reason else []
    return [(element, [*why, *more])]


def _account(party: Party) -> Tree:
    return [("Id", [("Othr", [("Id", party.account)])])]


def _agent(party: Party) -> Tree:
    member: Tree = [("ClrSysId", [("Cd", CLEARING_SYSTEM)]), ("MmbId", party.bank)]
    return [("FinInstnId", [("ClrSysMmbId", member)])]


def moment(at: datetime) -> str:
    """ISODateTime in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
