"""The drill: pay, back up, pay more, note the figures, pay even more, restore to that moment, find the same figures."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from qrpay.cli import cli
from qrpay.core import Core
from qrpay.features.e_accounts import service
from qrpay.ledger.chart import AccountCode, TransferCode
from qrpay.ledger.model import NewAccount, Transfer
from qrpay.settings import Settings
from qrpay.shell import HouseShell
from qrpay.values import new_id
from tests.conftest import BINARIES


def settings(home: Path) -> Settings:
    """A house in this folder."""
    return Settings(home=str(home), postgres_bin=str(BINARIES or ""), log_level="error")


def said(home: Path, *words: str) -> Result:
    """What the command line says in this house."""
    environment = {"QRPAY_HOME": str(home), "QRPAY_POSTGRES_BIN": str(BINARIES or "")}
    return CliRunner().invoke(cli, words, env=environment)


def paid(house: HouseShell, times: int) -> None:
    """So many payments of 5.00 between new accounts."""

    async def work(core: Core) -> None:
        payer, shop = new_id(), new_id()
        await core.ledger.create_accounts(
            [NewAccount(payer, 156, AccountCode.BANK_CASH), NewAccount(shop, 156, AccountCode.MERCHANT)]
        )
        for _ in range(times):
            await core.ledger.post(Transfer(new_id(), payer, shop, 500, TransferCode.TOP_UP, 156))

    house(work)


async def figures(core: Core) -> tuple[object, object, int]:
    """The sums, what the light says of each currency, signed, and how many transfers stand."""
    light = await service.money_light(core)
    assert light.signed.count(".") == 2
    sums = await core.ledger.conservation()
    count = await core.database.fetchval("SELECT count(*) FROM transfers")
    return msgspec.to_builtins(sums), msgspec.to_builtins([light.balanced, light.currencies]), count


def test_the_drill_ends_with_the_figures_that_were_noted(home: Path) -> None:
    """Two moments of one archive: a noted one, and the latest."""
    house = HouseShell(settings(home))
    paid(house, 3)
    first = said(home, "backup", "--keep", "2")
    assert first.exit_code == 0, (first.output, first.exception)
    paid(house, 4)
    noted = house(figures)
    moment = datetime.now(UTC)
    paid(house, 5)
    latest = house(figures)

    into = home.parent / "then"
    done = said(home, "restore", "--into", str(into), "--at", moment.isoformat())
    assert done.exit_code == 0, (done.output, done.exception)
    assert "broken" not in done.output
    assert HouseShell(settings(into))(figures) == noted
    assert noted[2] == 7
    paid(HouseShell(settings(into)), 1)  # it lives on

    now = home.parent / "now"
    done = said(home, "restore", "--into", str(now))
    assert done.exit_code == 0, (done.output, done.exception)
    assert HouseShell(settings(now))(figures) == latest
    assert latest[2] == 12

    # Only so many are kept, and the log before the oldest of them goes.
    before = sorted(path.name for path in (home / "backups/wal").iterdir())
    for _ in range(2):
        assert said(home, "backup", "--keep", "1").exit_code == 0
    assert len(list((home / "backups").glob("base-*"))) == 1
    assert sorted(path.name for path in (home / "backups/wal").iterdir())[0] > before[0]
    refused = said(home, "restore", "--into", str(home.parent / "never"), "--at", moment.isoformat())
    assert "old enough" in str(refused.exception)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("backup",), "its operators' business"),
        (("restore", "--into", "x"), "its operators' business"),
    ],
)
def test_an_own_server_is_its_operators_business(words: tuple[str, ...], sentence: str) -> None:
    """The refusal says what to use instead."""
    done = CliRunner().invoke(cli, words, env={"QRPAY_DATABASE_URL": "postgresql://bank/qrpay"})

    assert done.exit_code != 0
    assert sentence in str(done.exception)
