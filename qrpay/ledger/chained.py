"""Transfers that stand or fall with one that matters: a payment with its fee, a refund with what goes back of it."""

from collections.abc import Sequence

from msgspec.structs import replace

from qrpay.ledger.model import Ledger, Outcome, Result, Transfer, TransferFlag


def linked(transfers: Sequence[Transfer]) -> list[Transfer]:
    """The same transfers as one chain."""
    chain = [replace(transfer, flags=transfer.flags | TransferFlag.LINKED) for transfer in transfers[:-1]]
    return [*chain, replace(transfers[-1], flags=transfers[-1].flags & ~TransferFlag.LINKED)]


async def post_with(
    ledger: Ledger, main: Transfer, *, before: Sequence[Transfer] = (), after: Sequence[Transfer] = ()
) -> Outcome:
    """Post a transfer together with others, all or nothing; what became of it, or why one of the others refused.

    Safe to repeat, also when what goes with it was reckoned otherwise the first time: what stands wins, and is told as
    if it had been sent alone.
    """
    if not before and not after:
        return await ledger.post(main)
    outcomes = await ledger.post_chain(linked([*before, main, *after]))
    outcome = outcomes[len(before)]
    if outcome.result is not Result.LINKED_EVENT_FAILED:
        return outcome
    if main.id in await ledger.lookup_transfers([main.id]):
        return await ledger.post(main)
    return next(one for one in outcomes if one.result is not Result.LINKED_EVENT_FAILED)
