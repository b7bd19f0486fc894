"""Merchants on the command line."""

import click
import msgspec

from qrpay.core import Core
from qrpay.feature import Shell
from qrpay.features.merchants import keys, service
from qrpay.features.merchants.credentials import NewKey
from qrpay.features.merchants.model import Act, NewMerchant, Status
from qrpay.values import Id, id_from_text, id_text, rfc3339


def id_argument(prefix: str, text: str) -> Id:
    """The id somebody typed; a usage error when it is none."""
    found = id_from_text(prefix, text)
    if found is None:
        raise click.BadParameter(f"{text} is no id of the form {prefix}…")
    return found


@click.group()
def merchants() -> None:
    """Merchants, their stores, terminals and secret keys."""


@merchants.command("add")
@click.argument("name")
@click.option("--latin", "name_latin", help="Name in ASCII, at most 25 characters; needed when NAME is not.")
@click.option("--city", default="BEIJING", show_default=True, help="In ASCII, at most 15 characters.")
@click.option("--mcc", default="5999", show_default=True, help="Category, ISO 18245.")
@click.option("--country", default="CN", show_default=True)
@click.option("--live", is_flag=True, help="For real money (sk_live_…), instead of for trying (sk_test_…).")
@click.pass_obj
def add_merchant(shell: Shell, /, live: bool, **said: str | None) -> None:
    """Take a merchant on; prints its id and, this once, its secret key."""
    try:
        new = msgspec.convert({**said, "test": not live}, NewMerchant)
    except msgspec.ValidationError as defect:
        raise click.UsageError(str(defect)) from defect

    async def work(core: Core) -> None:
        onboarded = await service.add(core, new)
        click.echo(f"merchant    {id_text('mer_', onboarded.merchant.id)}")
        _show(id_text("key_", onboarded.secret.id), onboarded.secret.text)

    shell(work)


@merchants.command("add-store")
@click.argument("merchant")
@click.argument("name")
@click.argument("code")
@click.option("--terminal", multiple=True, help="Code of a terminal to set up in it.")
@click.pass_obj
def add_store(shell: Shell, merchant: str, name: str, code: str, terminal: tuple[str, ...]) -> None:
    """Open a store of MERCHANT, with terminals."""
    owner = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        opened = await service.add_store(core, owner, name, code)
        click.echo(f"store       {id_text('sto_', opened.id)}")
        for till in terminal:
            made = await service.add_terminal(core, owner, opened.id, till, till)
            click.echo(f"terminal    {id_text('ter_', made.id)}")

    shell(work)


def _status_command(name: Status, verb: str, says: str) -> None:
    @merchants.command(verb, help=says)
    @click.argument("merchant")
    @click.option("--by", "maker", required=True, help="Who does it.")
    @click.option("--reason", required=True, help="Why: it stands in the books for good.")
    @click.pass_obj
    def set_status(shell: Shell, merchant: str, maker: str, reason: str) -> None:
        which = id_argument("mer_", merchant)

        async def work(core: Core) -> None:
            await service.set_status(core, which, name, Act(maker, reason))
            click.echo(f"{merchant} is {name}")

        shell(work)


_status_command("frozen", "freeze", "No money in or out of MERCHANT from now on, and its keys are refused.")
_status_command("active", "unfreeze", "MERCHANT is in business again.")
_status_command("closed", "close", "MERCHANT is paid no more; what it is owed can still be paid out and given back.")


@merchants.command("acts")
@click.argument("merchant")
@click.pass_obj
def list_acts(shell: Shell, merchant: str) -> None:
    """Who froze, closed, revived or took on MERCHANT, when and why."""
    which = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        for row in await service.acts_of(core, which):
            checked = f", checked by {row.checker}" if row.checker else ""
            click.echo(f"{rfc3339(row.at)}  {row.act:8}  by {row.maker}{checked}: {row.reason}")

    shell(work)


@merchants.group("key")
def key() -> None:
    """Secret keys of merchants."""


@key.command("add")
@click.argument("merchant")
@click.option("--role", type=click.Choice(["owner", "reader"]), default="owner", show_default=True)
@click.option("--from", "networks", multiple=True, help="Address range (CIDR) it may call from; several may be given.")
@click.option("--signed", is_flag=True, help="Each request must bear a signature (RFC 9421).")
@click.option("--name", default="", help="What it is for.")
@click.pass_obj
def add_key(shell: Shell, /, merchant: str, **said: object) -> None:
    """One more secret key for MERCHANT; shown this once."""
    owner = id_argument("mer_", merchant)
    ask = msgspec.convert(said, NewKey)

    async def work(core: Core) -> None:
        card = await service.directory(core, owner)
        made = await keys.make(core, owner, card.test, ask)
        _show(made.id, str(made.secret_key))

    shell(work)


@key.command("list")
@click.argument("merchant")
@click.pass_obj
def list_keys(shell: Shell, merchant: str) -> None:
    """The secret keys of MERCHANT, by their last four characters."""
    owner = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        for row in await keys.listed(core, owner):
            ended = f"revoked {row.revoked_at}" if row.revoked_at else f"until {row.expires_at or 'revoked'}"
            click.echo(f"{row.id}  …{row.last_four}  {row.role:8}  {ended}  {row.name}")

    shell(work)


@key.command("rotate")
@click.argument("merchant")
@click.argument("key_id")
@click.option("--overlap", type=click.IntRange(0, 30 * 86_400), default=86_400, show_default=True, help="Seconds.")
@click.pass_obj
def rotate_key(shell: Shell, merchant: str, key_id: str, overlap: int) -> None:
    """A new key in the place of KEY_ID, which goes on for the overlap; shown this once."""
    owner = id_argument("mer_", merchant)

    async def work(core: Core) -> None:
        card = await service.directory(core, owner)
        made = await keys.rotate(core, owner, card.test, key_id, overlap)
        _show(made.id, str(made.secret_key))

    shell(work)


@key.command("revoke")
@click.argument("key_id")
@click.pass_obj
def revoke_key(shell: Shell, key_id: str) -> None:
    """End a secret key; all workers refuse it within five seconds."""
    which = id_argument("key_", key_id)

    async def work(core: Core) -> None:
        await keys.revoke(core, which)
        click.echo(f"{key_id} is revoked")

    shell(work)


def _show(key_id: str, text: str) -> None:
    click.echo(f"key         {key_id}")
    click.echo(f"secret key  {text}   (shown this once: keep it safe)")
