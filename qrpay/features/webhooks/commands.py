"""For integrators: `qrpay listen` passes events on to a local address, `qrpay trigger` makes them happen."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

import aiohttp
import click
from yarl import URL

from qrpay.feature import Shell
from qrpay.features.webhooks.integrators import (
    LIVE,
    TAKE_S,
    TRIGGERS,
    Api,
    Forwarded,
    SaidNo,
    Told,
    events,
    forward,
    latest,
    trigger,
)
from qrpay.features.webhooks.signature import new_secret, secret_text

KEY: Final = click.option("--key", help="The merchant's secret key; better QRPAY_API_KEY, which `ps` does not show.")
API: Final = click.option("--api", metavar="URL", help="Where qrpay answers; QRPAY_BASE_URL when left out.")


@click.command("listen")
@click.option("--forward-to", "url", required=True, metavar="URL", help="Where your server takes webhooks.")
@click.option("--events", "wanted", default="*", show_default=True, help="Types to pass on, with commas.")
@click.option("--after", metavar="EVENT", help="Begin after this event (evt_…), instead of now.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many events.")
@KEY
@API
@click.pass_obj
def listen(
    shell: Shell, url: str, wanted: str, after: str | None, count: int | None, key: str | None, api: str | None
) -> None:
    """Pass a merchant's events on to a local URL as they happen, signed like webhooks, with a secret of this run."""
    if URL(url).scheme not in ("http", "https") or not URL(url).host:
        raise click.BadParameter(f"{url} is no http address", param_hint="--forward-to")
    types = {name.strip() for name in wanted.split(",")}
    secret = new_secret()
    click.echo(f"Signing with {secret_text(secret)} until you stop (Ctrl-C).")

    async def work(door: Api) -> None:
        left, since = count, after or await latest(door)
        click.echo(f"Passing on what comes after {since or 'now'} …")
        timeout = aiohttp.ClientTimeout(total=TAKE_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, aclosing(events(door, since)) as found:
            async for one in found:
                if not isinstance(one, Told):
                    click.echo(f"qrpay: {one}", err=True)
                    continue
                if "*" not in types and one.type not in types:
                    continue
                click.echo(_line(await forward(session, url, secret, one)))
                left = None if left is None else left - 1
                if left == 0:
                    return

    _call(shell, key, api, work)


def _line(done: Forwarded) -> str:
    """One event on the terminal: when, which, and what the server said."""
    status = click.style(str(done.status or done.error), fg="green" if 200 <= (done.status or 0) < 300 else "red")
    return f"{datetime.now().astimezone():%H:%M:%S}  {done.event.type:<18}  {done.event.id}  {status}  {done.ms} ms"


@click.command("trigger")
@click.argument("event", type=click.Choice(TRIGGERS))
@click.option("--amount", type=click.IntRange(1, 999_999_999_999), default=100, show_default=True, help="Minor units.")
@KEY
@API
@click.pass_obj
def trigger_command(shell: Shell, event: str, amount: int, key: str | None, api: str | None) -> None:
    """Make EVENT happen to a test merchant: a real order, paid by a real test payer. Nothing is made up."""

    async def work(door: Api) -> None:
        click.echo(await trigger(door, event, amount))

    _call(shell, key, api, work, test_only=True)


def _call(
    shell: Shell, key: str | None, api: str | None, work: Callable[[Api], Any], *, test_only: bool = False
) -> None:
    key = key or shell.settings.api_key
    if not key:
        raise click.UsageError("Which merchant? Set QRPAY_API_KEY to its secret key, or give --key.")
    if test_only and key.startswith(LIVE):
        raise click.ClickException("This is a live key, and nothing was sent: take one that begins with sk_test_.")

    async def run() -> None:
        async with Api.open(api or shell.settings.url, key) as door:
            await work(door)

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        click.echo("stopped")
    except (SaidNo, aiohttp.ClientError, TimeoutError) as reason:
        raise click.ClickException(str(reason) or type(reason).__name__) from None
