"""`qrpay statements`, as an operator types it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from qrpay.core import Core
from qrpay.features.keys import service as keys
from qrpay.features.statements.commands import statements
from qrpay.values import id_text
from tests.features.statements.conftest import open_shop
from tests.features.test_commands import OwnShell, types

T = TypeVar("T")


class KeyedShell(OwnShell):
    """Opens the house with its keys, as the command line does."""

    def __call__(self, work: Callable[[Core], Awaitable[T]]) -> T:
        async def with_keys(core: Core) -> T:
            await keys.start(core)
            return await work(core)

        return super().__call__(with_keys)


def test_files_and_their_signatures_are_written(fresh_dsn: str, tmp_path: Path) -> None:
    """A day's five files and a month's two, each with its signature beside it, all in the folder that was named."""
    shell, out = KeyedShell(fresh_dsn), tmp_path / "files"

    async def opened(core: Core) -> str:
        return id_text("mer_", (await open_shop(core)).merchant)

    merchant = shell(opened)
    types(shell, statements, "day", merchant, "2026-01-05", "--out", str(out))
    types(shell, statements, "month", merchant, "2026-01", "--out", str(out))

    written = {path.name.removeprefix(f"{merchant}-CNY-") for path in out.iterdir()}
    names = {f"2026-01-05-{name}" for name in ("trade.csv", "trade.xlsx", "fund.csv", "fund.xlsx", "camt.053.xml")}
    names |= {"2026-01-days.csv", "2026-01-statement.pdf"}
    assert written == names | {f"{name}.jws" for name in names}
