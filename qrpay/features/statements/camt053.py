"""A day as ISO 20022 writes it: camt.053.001.08, the bank's statement, line by line in constant memory.

Written by hand, since no web worker loads an XML library; the tests hold it to ISO's schema. The merchant's balance is
what the bank owes it, so what comes in is a credit. It states no time of its own but the end of the day, so that the
same day is the same bytes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from qrpay.features.settlement.looks import kind_of
from qrpay.features.statements.cells import Rendered, Spool, about_text
from qrpay.features.statements.model import Book, Movement
from qrpay.values import CURRENCIES, decimal_text, id_text, id_to_22

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


class CamtWriter:
    """Takes the day's movements, page by page, and ends with the document."""

    def __init__(self, book: Book) -> None:
        self._spool = Spool()
        self._currency = book.statement.currency
        self._spool.write(self._head(book).encode())

    def _head(self, book: Book) -> str:
        said, period = book.statement, book.period
        id_ = f"{said.period.replace('-', '')}-{said.currency}-{id_to_22(book.merchant)}"
        end = moment(period.until)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>'
            f"<GrpHdr><MsgId>{id_}</MsgId><CreDtTm>{end}</CreDtTm></GrpHdr>\n"
            f"<Stmt><Id>{id_}</Id><CreDtTm>{end}</CreDtTm>"
            f"<FrToDt><FrDtTm>{moment(period.after)}</FrDtTm><ToDtTm>{end}</ToDtTm></FrToDt>"
            f"<Acct><Id><Othr><Id>{id_text('mer_', book.merchant)}-{said.currency}</Id></Othr></Id>"
            f"<Ccy>{said.currency}</Ccy><Ownr><Nm>{escape(book.name)}</Nm></Ownr></Acct>\n"
            + self._balance("OPBD", said.opening, period.after)
            + self._balance("CLBD", said.closing, period.until)
            + self._balance("CLAV", said.closing - said.pending, period.until)
            + self._summary(book)
        )

    def _balance(self, code: str, amount: int, at: datetime) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{self._amount(amount)}"
            f"<Dt><DtTm>{moment(at)}</DtTm></Dt></Bal>\n"
        )

    def _amount(self, amount: int) -> str:
        return f'<Amt Ccy="{self._currency}">{self._plain(amount)}</Amt><CdtDbtInd>{side(amount)}</CdtDbtInd>'

    def _plain(self, amount: int) -> str:
        return decimal_text(abs(amount), CURRENCIES[self._currency].exponent)

    def _summary(self, book: Book) -> str:
        said = book.statement
        count = {"credit": 0, "debit": 0}
        for line in said.lines:
            count[line.direction] += line.count
        net = said.credits - said.debits
        return (
            f"<TxsSummry><TtlNtries><NbOfNtries>{sum(count.values())}</NbOfNtries>"
            f"<Sum>{self._plain(said.credits + said.debits)}</Sum><TtlNetNtry><Amt>{self._plain(net)}</Amt>"
            f"<CdtDbtInd>{side(net)}</CdtDbtInd></TtlNetNtry></TtlNtries>"
            f"<TtlCdtNtries><NbOfNtries>{count['credit']}</NbOfNtries><Sum>{self._plain(said.credits)}</Sum></TtlCdtNtries>"
            f"<TtlDbtNtries><NbOfNtries>{count['debit']}</NbOfNtries><Sum>{self._plain(said.debits)}</Sum></TtlDbtNtries>"
            "</TxsSummry>\n"
        )

    def rows(self, page: Sequence[Movement]) -> None:
        """Write these entries."""
        self._spool.write("".join(map(self._entry, page)).encode())

    def _entry(self, one: Movement) -> str:
        id_, at = id_text("", one.id), moment(one.timestamp)
        remittance = f"<RmtInf><Ustrd>{escape(one.reference)}</Ustrd></RmtInf>" if one.reference else ""
        return (
            f"<Ntry><NtryRef>{id_}</NtryRef>{self._amount(one.effect)}<Sts><Cd>BOOK</Cd></Sts>"
            f"<BookgDt><DtTm>{at}</DtTm></BookgDt><ValDt><DtTm>{at}</DtTm></ValDt><AcctSvcrRef>{id_}</AcctSvcrRef>"
            f"<BkTxCd><Prtry><Cd>{kind_of(one.code).upper()}</Cd><Issr>qrpay</Issr></Prtry></BkTxCd>"
            f"<NtryDtls><TxDtls><Refs><EndToEndId>{about_text(one.code, one.about)}</EndToEndId></Refs>{remittance}"
            "</TxDtls></NtryDtls></Ntry>\n"
        )

    def finish(self) -> Rendered:
        """The document."""
        self._spool.write(b"</Stmt></BkToCstmrStmt></Document>\n")
        return self._spool.finish()


def side(amount: int) -> str:
    """Whether it is a credit or a debit of the merchant's account."""
    return "DBIT" if amount < 0 else "CRDT"


def moment(at: datetime) -> str:
    """ISODateTime in UTC, with the ledger's microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
