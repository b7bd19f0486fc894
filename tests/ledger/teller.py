"""Accounts and transfers for tests, in few words."""

import asyncio
from collections.abc import Sequence

from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import AccountFlag, Ledger, NewAccount, Outcome, Result, Transfer
from qrpay.values import Id, new_id
from tests.ledger.statement import CNY


class Teller:
    """Opens accounts at one ledger, and fills them from a bank of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.bank = new_id()

    async def account(self, money: int = 0, **limits: int) -> Id:
        """A guarded account with this money in it, in fen."""
        account = new_id()
        await self._ledger.create_accounts(
            [
                NewAccount(self.bank, CNY, AccountCode.BANK_CASH),
                NewAccount(
                    account, CNY, AccountCode.CUSTOMER, int(AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS), **limits
                ),
            ]
        )
        if money:
            top_up = Transfer(new_id(), self.bank, account, money, TransferCode.TOP_UP, CNY)
            assert (await self._ledger.post(top_up)).result is Result.CREATED
        return account

    async def balance(self, account: Id) -> int:
        """What is in it, in fen."""
        found = (await self._ledger.lookup_accounts([account]))[account]
        return found.credits_posted - found.debits_posted


def payment(payer: Id, payee: Id, amount: int, order: Id | None = None) -> Transfer:
    """A payment of an order, or of a new one."""
    return Transfer(order or new_id(), payer, payee, amount, TransferCode.PAYMENT, CNY)


async def all_of(engines: Sequence[Ledger], transfers: Sequence[Transfer]) -> list[Outcome]:
    """Post them all at once, spread over the engines."""
    return await asyncio.gather(*(engines[n % len(engines)].post(t) for n, t in enumerate(transfers)))
