"""The rules of payments through the clearing house: sent once, posted by proof, voided by refusal, never both.

Whatever the house says is kept as it came, then believed once: its money moves by transfers whose ids are claimed from
the hold, so that an answer that comes twice, late or out of order finds what stands. A promise (pain.002) moves
nothing.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

import structlog

from qrpay.background import store as cursors
from qrpay.core import Core
from qrpay.features.calendar.service import bank_day
from qrpay.features.clearing import store
from qrpay.features.clearing.model import (
    Ended,
    Instruction,
    Message,
    NewInstruction,
    OrderedPayment,
    Party,
    Received,
    Report,
    Standing,
)
from qrpay.features.clearing.problems import payout_not_covered
from qrpay.features.clearing.store import Moved
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import NewAccount, Posted, Result, Transfer
from qrpay.problem import not_found
from qrpay.values import CURRENCIES, TEST_LEDGERS, Id, claim, id_of, new_id

if TYPE_CHECKING:
    from qrpay.database.pool import Queries
    from qrpay.features.clearing.channel import Clearing

log = structlog.get_logger()

HEX_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
HOUSE: Final = id_of(bytes(16))
INBOX: Final = "clearing inbox"
MESSAGE_MAX: Final = 500
"""Payments a message."""
WORK_MAX: Final = 20
"""Messages sent, or worked on, a round."""
Decision = Literal["booked", "rejected", "returned"]
PAUSES_S: Final = (5, 15, 60, 300, 900)
NOTES_MAX: Final = 50


# For the features that pay -------------------------------------------------------------------------------------


async def clearing_account(core: Core, currency: str) -> Id:
    """The ledger account of what goes through the clearing house, opened when it is not."""
    account = claim("clearing_account", HOUSE, currency)
    [result] = await core.ledger.create_accounts(
        [NewAccount(account, CURRENCIES[currency].numeric, AccountCode.CLEARING)]
    )
    assert result.stands, f"the clearing account cannot be opened: {result.name}"
    return account


async def instruct(core: Core, purpose: str, new: Sequence[NewInstruction], within: "Queries") -> None:
    """Have payments made whose money is held already; in the caller's transaction, and safe to repeat."""
    assert all(one.purpose == purpose for one in new)
    holds = await core.ledger.lookup_transfers([one.hold for one in new])
    trying = [one.id.hex for one in new if one.hold in holds and holds[one.hold].ledger >= TEST_LEDGERS]
    assert not trying, f"money for trying never goes to the clearing house: {trying}"
    if new:
        await store.instruct(within, purpose, new, core.clock())


async def ended(core: Core, purpose: str, limit: int) -> Sequence[Ended]:
    """Payments of a feature that ended, and of which it has not taken note yet; see `heard`."""
    return await store.ended(core.database, purpose, limit)


async def heard(within: "Queries", taken: Sequence[Ended]) -> None:
    """Take note of how payments ended, in the transaction that does what follows from it."""
    await store.heard(within, taken)


async def instructions(core: Core, ids: Sequence[Id]) -> dict[Id, Instruction]:
    """Payments by id."""
    return await store.by_id(core.database, ids) if ids else {}


def post_of(hold: Id) -> Id:
    """The id of the transfer that posts a hold by the house's proof."""
    return claim("clearing_post", hold)


# Sending -------------------------------------------------------------------------------------------------------


async def write_messages(core: Core) -> int:
    """Put what waits into messages, each written and kept before it is sent; how many payments found a place."""
    from qrpay.features.clearing import iso20022

    settings, now, taken = core.settings, core.clock(), 0
    debtor = Party(settings.clearing_name, settings.clearing_account, settings.clearing_bank)
    for _ in range(WORK_MAX):
        async with core.database.transaction() as within:
            batch = await store.waiting(within, MESSAGE_MAX)
            if not batch:
                break
            id_ = new_id()
            payments = [
                OrderedPayment(
                    one.id.hex, one.amount, one.currency, Party(one.name, one.account, one.bank), one.remittance
                )
                for one in batch
            ]
            body = iso20022.order(id_.hex, debtor, bank_day(now), now, payments)
            await store.add_message(within, Message(id_, "out", "pain.001", id_.hex, body, "waiting", (), 0, now, now))
            await store.put_in_message(within, [one.id for one in batch], id_, now)
            taken += len(batch)
    return taken


async def send(core: Core, channel: "Clearing") -> int:
    """Send what is written; how many messages were handed over. One that gets no answer is sent again, unchanged."""
    taken = 0
    for message in await store.due(core.database, "waiting", core.clock(), WORK_MAX):
        result = await channel.send(message.body)
        now = core.clock()
        if result.taken:
            taken += 1
            await store.tried(core.database, message.id, "sent", message.notes, now)
        elif result.refused:
            log.error("clearing_message_refused", message=message.msg_id, why=result.why)
            report = Report("rejected", "", message.msg_id, None, "", "FF01", result.why[:105])
            await _believe(core, [report])
            await store.tried(core.database, message.id, "refused", [result.why], now)
        else:
            pause = timedelta(seconds=PAUSES_S[min(message.attempts, len(PAUSES_S) - 1)])
            log.warning("clearing_house_away", why=result.why, attempts=message.attempts + 1)
            await store.tried(core.database, message.id, "waiting", [result.why], now + pause)
            break
    return taken


# Hearing -------------------------------------------------------------------------------------------------------


async def receive(core: Core, channel: "Clearing") -> int:
    """Keep what the house has for us, and how far we have read; how many documents there were. Raises OSError."""
    position = await cursors.position(core.database, INBOX, "0")
    documents = await channel.fetch(int(position))
    for received in documents:
        async with core.database.transaction() as within:
            await cursors.move(within, INBOX, position, str(received.place))
            await _keep(core, within, received)
        position = str(received.place)
    return len(documents)


async def _keep(core: Core, within: "Queries", received: Received) -> None:
    from qrpay.features.clearing import iso20022

    id_, now, body = new_id(), core.clock(), received.document
    try:
        read = iso20022.read_reports(body)
    except iso20022.UnreadableError as defect:
        log.error("clearing_document_unreadable", place=received.place, why=str(defect))
        # It has no number that could be believed, so it gets ours; what it says changes nothing.
        unreadable = Message(id_, "in", "pain.002", id_.hex, body, "unreadable", [str(defect)], 0, now, now)
        await store.add_message(within, unreadable)
        return
    await store.add_message(within, Message(id_, "in", read.kind, read.msg_id, body, "received", (), 0, now, now))


async def work(core: Core) -> int:
    """Believe what was received, oldest first; how many messages."""
    from qrpay.features.clearing import iso20022

    messages = await store.due(core.database, "received", core.clock(), WORK_MAX)
    for message in messages:
        notes = await _believe(core, iso20022.read_reports(message.body).reports)
        for note in notes:
            log.error("clearing_report_disputed", message=message.msg_id, note=note)
        await store.tried(core.database, message.id, "processed", notes[:NOTES_MAX], core.clock())
    return len(messages)


async def _believe(core: Core, reports: Sequence[Report]) -> list[str]:
    """Move the money that these reports decide, then the payments' statuses; what an operator should look at."""
    pairs, notes = await _concerned(core, reports)
    while pairs:
        # Of several reports on one payment each sees what the one before has done.
        firsts = {one.id: (one, report) for one, report in reversed(pairs)}
        verdicts = await asyncio.gather(*(_verdict(core, one, report) for one, report in firsts.values()))
        moved: list[Moved] = []
        for (one, report), (status, note) in zip(firsts.values(), verdicts, strict=True):
            if note:
                notes.append(f"{one.id.hex}: {note}")
            if status is not None and status != one.status:
                moved.append(Moved(one.id, status, report.code, note or report.reason))
        if moved:
            async with core.database.transaction() as within:
                await store.move_on(within, moved, core.clock())
        taken = {(one.id, id(report)) for one, report in firsts.values()}
        rest = [(one, report) for one, report in pairs if (one.id, id(report)) not in taken]
        now = await store.by_id(core.database, [one.id for one, _ in rest]) if rest else {}
        pairs = [(now[one.id], report) for one, report in rest]
    return notes


async def _concerned(core: Core, reports: Iterable[Report]) -> tuple[list[tuple[Instruction, Report]], list[str]]:
    """Each report with its payment; and those that concern none of ours."""
    pairs: list[tuple[Instruction, Report]] = []
    notes: list[str] = []
    named: list[tuple[Id, Report]] = []
    for report in reports:
        if report.end_to_end:
            try:
                named.append((id_of(bytes.fromhex(report.end_to_end)), report))
            except ValueError:
                notes.append(f"{report.what} of {report.end_to_end}, which is none of ours")
        else:
            pairs += [(one, report) for one in await store.of_message(core.database, report.message)]
    known = await store.by_id(core.database, [id_ for id_, _ in named])
    for id_, report in named:
        if id_ in known:
            pairs.append((known[id_], report))
        else:
            notes.append(f"{report.what} of {report.end_to_end}, which is none of ours")
    return pairs, notes


async def _verdict(core: Core, one: Instruction, report: Report) -> tuple[str | None, str]:
    """The payment's status after this report (None: as it was), with its money moved; and what is strange about it."""
    match report.what:
        case "accepted":
            return ("accepted" if one.status in ("waiting", "sent") else None), ""
        case "rejected":
            return await _rejected(core, one)
        case "booked" | "returned" if (report.amount, report.currency) != (one.amount, one.currency):
            return "disputed", f"{report.what} with {report.amount} {report.currency}, not {one.amount} {one.currency}"
        case "booked":
            return await _booked(core, one)
        case "returned":
            return await _returned(core, one)
        case _:
            return None, "a report that we do not understand"


async def _rejected(core: Core, one: Instruction) -> tuple[str | None, str]:
    outcome = await core.ledger.post(Transfer.of_hold(claim("clearing_void", one.hold), one.hold, void=True))
    if outcome.result.stands or outcome.result is Result.PENDING_TRANSFER_ALREADY_VOIDED:
        return "rejected", ""
    if outcome.result is Result.PENDING_TRANSFER_ALREADY_POSTED:
        return "disputed", "rejected after it was booked"
    return "disputed", f"rejected, and its hold cannot be voided: {outcome.result.name.lower()}"


async def _booked(core: Core, one: Instruction) -> tuple[str | None, str]:
    outcome = await core.ledger.post(Transfer.of_hold(post_of(one.hold), one.hold))
    if outcome.result.stands:
        return (None if one.status == "returned" else "settled"), ""
    return "disputed", f"booked, and its hold cannot be posted: {outcome.result.name.lower()}"


async def _returned(core: Core, one: Instruction) -> tuple[str | None, str]:
    # What comes back was booked before, even if that notice is still on its way.
    status, note = await _booked(core, one)
    if note:
        return status, note
    hold = (await core.ledger.lookup_transfers([one.hold]))[one.hold]
    back = Transfer(
        claim("clearing_return", one.hold), hold.credit, hold.debit, one.amount, TransferCode.PAYOUT_RETURN,
        hold.ledger, about=hold.about,
    )  # fmt: skip
    outcome = await core.ledger.post(back)
    if outcome.result.stands:
        return "returned", ""
    return "disputed", f"returned, and cannot be given back: {outcome.result.name.lower()}"


async def _voided(core: Core, one: Instruction) -> Posted | None:
    """The void of a payment's hold, if it was given back."""
    id = claim("clearing_void", one.hold)
    return (await core.ledger.lookup_transfers([id])).get(id)


async def _correct(core: Core, one: Instruction, void: Posted) -> None:
    """Take the money again that was given back for a payment that was made after all, once.

    Raises `payout_not_covered` when it is not there any more.
    """
    outcome = await core.ledger.post(
        Transfer(
            claim("clearing_correction", one.hold), void.debit, void.credit, one.amount, TransferCode.CORRECTION,
            void.ledger, about=void.id,
        )
    )  # fmt: skip
    if not outcome.result.stands:
        raise payout_not_covered(amount=one.amount, currency=one.currency, why=outcome.result.name.lower())


async def decide(core: Core, payment: str, what: Decision, note: str) -> Instruction:
    """What an operator has found out of a payment whose reports contradict each other.

    Booked after it was rejected: the money that was given back is taken again, by a correction of the void. Raises
    `not_found`, `payout_not_covered`.
    """
    known = id_of(bytes.fromhex(payment)) if HEX_ID.match(payment) else None
    one = (await instructions(core, [known] if known else [])).get(known or HOUSE)
    if one is None:
        raise not_found()
    if what == "booked" and (void := await _voided(core, one)) is not None:
        await _correct(core, one, void)
        async with core.database.transaction() as within:
            await store.move_on(within, [Moved(one.id, "settled", None, note[:105])], core.clock())
        return (await instructions(core, [one.id]))[one.id]
    await _believe(core, [Report(what, one.id.hex, "", one.amount, one.currency, None, note[:105])])
    return (await instructions(core, [one.id]))[one.id]


# Looking -------------------------------------------------------------------------------------------------------


async def standing(core: Core) -> Sequence[Standing]:
    """How many payments stand where, and since when."""
    return await store.standing(core.database)


async def messages(core: Core, *, only_noted: bool, limit: int) -> Sequence[Message]:
    """The latest messages, or those of them that an operator should look at."""
    return await store.messages(core.database, only_noted=only_noted, limit=limit)
