"""People who open accounts, and the parties outside that verify them, each a process of its own."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from msgspec.structs import replace
from stdnum.iso7064 import mod_11_2
from stdnum.luhn import calc_check_digit, is_valid

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.features.clearing import service as clearing
from qrpay.features.clearing.jobs import turn
from qrpay.features.openings import deciding, personal, service, store
from qrpay.features.openings.model import (
    Consent,
    DepositSeen,
    Details,
    Identity,
    NewCard,
    NewOpening,
    NewPhone,
    Opening,
    PhoneCode,
)
from qrpay.values import Id, id_from_text, new_id
from tests.features.clearing.conftest import Sandbox, house, house_process
from tests.features.conftest import HandClock, core_over

__all__ = ["house", "house_process"]


class Verifier(Sandbox):
    """A running identity service, or sender of SMS."""

    async def inbox(self, phone: str) -> Sequence[str]:
        """What a number has received."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/inbox", json={"phone": phone}) as answer,
        ):
            return await answer.json(content_type=None)  # type: ignore[no-any-return] # JSON


@asynccontextmanager
async def party(name: str) -> AsyncIterator[Verifier]:
    """`qrpay sandbox NAME` on a free port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrpay", "sandbox", name, "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield Verifier((await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip())
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0


@pytest.fixture(scope="session")
async def identity_process() -> AsyncIterator[Verifier]:
    """One identity service for all tests of this process."""
    async with party("identity") as running:
        yield running


@pytest.fixture(scope="session")
async def sms_process() -> AsyncIterator[Verifier]:
    """One sender of SMS for all tests of this process."""
    async with party("sms") as running:
        yield running


@pytest.fixture
async def identity(identity_process: Verifier) -> Verifier:
    """The identity service, well behaved."""
    await identity_process.behave()
    return identity_process


@pytest.fixture
async def sms(sms_process: Verifier) -> Verifier:
    """The sender of SMS, well behaved."""
    await sms_process.behave()
    return sms_process


@pytest.fixture
async def core(
    fresh_database: Database, clock: HandClock, house: Sandbox, identity: Verifier, sms: Verifier
) -> AsyncIterator[Core]:
    """A bank that opens accounts online."""
    built = core_over(fresh_database, clock, clearing_url=house.url, identity_url=identity.url, sms_url=sms.url)
    yield built
    await built.ledger.close()


def id_number(sequence: int | None = None, birth: str = "19900312") -> str:
    """A resident ID number that nobody has."""
    digits = f"110105{birth}{random.randrange(100, 1000) if sequence is None else sequence:03}"
    return digits + mod_11_2.calc_check_digit(digits)


def card_number(ending: str = "") -> str:
    """A card number that nobody has; with an ending, the digits before it make the check digit hold."""
    while True:
        digits = f"622202{random.randrange(10**8):08}{ending or random.randrange(10**4)}"
        number = digits if ending else digits + calc_check_digit(digits)
        if is_valid(number):
            return number


class Person:
    """Somebody who opens accounts."""

    def __init__(self, core: Core, sms: Verifier, **said: Any) -> None:
        self.core = core
        self.sms = sms
        self.name = said.get("name", "王小雨")
        self.id_number = said.get("id_number") or id_number(random.randrange(1000))
        self.phone = said.get("phone") or f"139{random.randrange(10**8):08}"
        self.card = said.get("card") or card_number()
        self.pin = said.get("pin", "264813")

    async def begins(self, account_class: str = "III", key: str = "") -> Id:
        """Begin an opening."""
        opening, _ = await service.begin(self.core, key or new_id().hex, NewOpening(account_class))  # type: ignore[arg-type]
        return the(opening)

    async def identifies(self, opening: Id) -> Opening:
        """The first step."""
        until = self.core.clock().date() + timedelta(days=900)
        return await service.identify(self.core, opening, Identity(self.name, self.id_number, until))

    async def confirms_phone(self, opening: Id) -> Opening:
        """The second, with the code that came."""
        await service.send_code(self.core, opening, NewPhone(self.phone))
        return await service.confirm_phone(self.core, opening, PhoneCode(await self.code()))

    async def code(self) -> str:
        """The code of the latest message."""
        return (await self.sms.inbox(self.phone))[-1].split()[1][:6]

    async def names_card(self, opening: Id) -> Opening:
        """The third."""
        return await service.name_card(self.core, opening, NewCard(self.card, "102100099996"))

    async def confirms_deposit(self, opening: Id) -> Opening:
        """The fourth: look at the bank's statement, once the deposit is there."""
        row = await service.row_of(self.core, opening)
        async with asyncio.timeout(60):
            while (await service.view(self.core, row)).deposit != "arrived":
                await turn(self.core)
                await asyncio.sleep(0.02)
        assert row.deposit is not None
        paid = (await clearing.instructions(self.core, [row.deposit]))[row.deposit]
        return await service.confirm_deposit(self.core, opening, DepositSeen(paid.amount))

    async def consents(self, opening: Id) -> Opening:
        """The last."""
        return await deciding.consent(self.core, opening, Consent("2026-01", self.pin))

    async def comes_to_consent(self, account_class: str = "III") -> Id:
        """All steps but the last."""
        opening = await self.begins(account_class)
        await self.identifies(opening)
        await self.confirms_phone(opening)
        await self.names_card(opening)
        await self.confirms_deposit(opening)
        return opening


def the(opening: Opening) -> Id:
    """Its id."""
    found = id_from_text("opn_", opening.id)
    assert found is not None
    return found


async def ready(core: Core, person: Person, account_class: str) -> Id:
    """An opening that lacks only consent, without asking the parties outside: for tests of what follows."""
    opening = await person.begins(account_class)
    row = await service.row_of(core, opening)
    known = Details(person.name, person.id_number, None, person.phone, person.card, "102100099996")
    sealed = await personal.seal(core, core.database, opening, msgspec.json.encode(known))
    digest = core.vault.mac("person-id", person.id_number.encode())
    row = replace(row, next="consent", details=sealed, person=digest)
    assert await store.save(core.database, row, core.clock())
    return opening
