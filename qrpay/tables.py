"""How commands print what they found: tables, facts, money; and the option that asks for JSON instead.

Features declare their commands also in workers, which have no rich (qrpay/__main__.py): it is loaded when something is
printed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import click

from qrpay.values import CURRENCY_OF_LEDGER, decimal_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH: Final = 100
as_json = click.option("--json", "as_json", is_flag=True, help="As JSON, amounts in minor units.")


def money(amount: int, ledger: int) -> str:
    """Minor units as people read them, with the currency's decimals: 1234567 fen are 12,345.67."""
    currency = CURRENCY_OF_LEDGER.get(ledger)
    whole, _, rest = decimal_text(abs(amount), currency.exponent if currency else 0).partition(".")
    return f"{'-' if amount < 0 else ''}{int(whole):,}{'.' if rest else ''}{rest}"


def screen() -> "Console":
    """Where a command prints: as wide as the terminal, or WIDTH where there is none."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def table_of(title: str, *columns: str) -> "Table":
    """A table; a column that ends in > holds figures."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        figures = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if figures else "left", no_wrap=figures or column == "id")
    return table


def show_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print facts below each other, each with its name."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    for name, value in facts.items():
        said = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)
        table.add_row(name.replace("_", " "), said or "-")
    screen().print(table)
