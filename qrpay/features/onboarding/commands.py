"""Applications on the command line, under `qrpay merchants`."""

from pathlib import Path
from typing import Final

import click

from qrpay.core import Core
from qrpay.desk import Decision
from qrpay.feature import Shell
from qrpay.features.merchants.commands import id_argument, merchants
from qrpay.features.onboarding import papers, reviews, service
from qrpay.features.onboarding.model import APPLICATION, ApplicationsQuery, Examined, Person
from qrpay.features.onboarding.problems import application_decided
from qrpay.tables import as_json, screen, show_facts, table_of
from qrpay.values import encode, id_of

COMMAND_LINE: Final = id_of(bytes(16))
"""Who decides on the command line: whoever may open a shell on the server; the name is said."""
commands: Final = [merchants]
"""The group of the feature merchants: its commands and these."""
STATUSES: Final = ("draft", "submitted", "more_needed", "approved", "rejected")


@merchants.command("applications")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@as_json
@click.pass_obj
def list_applications(shell: Shell, status: str | None, limit: int, as_json: bool) -> None:
    """Who wants to become a merchant, newest first."""

    async def work(core: Core) -> None:
        found = (await reviews.page(core, ApplicationsQuery(status, limit))).data  # type: ignore[arg-type] # by Choice
        if as_json:
            click.echo(encode(found))
            return
        table = table_of("applications", "id", "legal name", "uscc", "status", "submitted")
        for one in found:
            table.add_row(one.id, one.legal_name or "", one.uscc or "", one.status, one.submitted_at or "")
        screen().print(table)

    shell(work)


@merchants.command("application")
@click.argument("application")
@click.option("--paper", help="Save this paper (pap_…) here instead.")
@click.option("--to", "folder", type=click.Path(file_okay=False, exists=True, path_type=Path), default=Path())
@as_json
@click.pass_obj
def show_application(shell: Shell, application: str, paper: str | None, folder: Path, as_json: bool) -> None:
    """All there is to see of APPLICATION; personal data and numbers are masked, the papers are not."""
    which = id_argument(APPLICATION, application)

    async def work(core: Core) -> None:
        if paper is not None:
            row, content = await papers.opened(core, which, paper)
            target = folder / papers.file_name(row)
            target.touch(0o600)
            target.write_bytes(content)
            click.echo(f"saved {target}")
            return
        seen = await reviews.examine(core, which)
        if as_json:
            click.echo(encode(seen))
        else:
            _show(seen)

    shell(work)


def _show(seen: Examined) -> None:
    one = seen.application
    names = ("status", "legal_name", "short_name", "name_latin", "uscc", "mcc", "city", "reason", "merchant")
    facts: dict[str, object] = {name: getattr(one, name) for name in names}
    if one.contact:
        facts["contact"] = f"{one.contact.name} {one.contact.phone} {one.contact.email}"
    if one.payout:
        facts["payout"] = f"{one.payout.name} {one.payout.account} {one.payout.bank}"
    facts |= {"looked at by": seen.checked_by, "found": seen.checked_note, "decided by": seen.decided_by}
    facts["others of this company"] = ", ".join(seen.duplicates)
    show_facts(one.id, facts)
    table = table_of("checks", "check", "result", "what")
    for check in one.checks:
        table.add_row(check.name, check.result, check.en)
    screen().print(table)
    table = table_of("papers", "id", "kind", "type", "bytes>")
    for paper in one.papers:
        table.add_row(paper.id, paper.kind, paper.media_type, str(paper.size))
    screen().print(table)


@merchants.command("review")
@click.argument("application")
@click.argument("verdict", type=click.Choice(["check", "ask", "approve", "reject"]))
@click.option("--by", required=True, help="Who does it; whoever decides is another person than whoever checked.")
@click.option("--reason", required=True, help="What was found (check), or what the applicant is told.")
@click.pass_obj
def review_application(shell: Shell, application: str, verdict: str, by: str, reason: str) -> None:
    """Look at APPLICATION (check), give it back (ask), or decide it (approve, reject)."""
    which = id_argument(APPLICATION, application)

    async def work(core: Core) -> None:
        if verdict == "check":
            await reviews.check_off(core, which, Person(by), reason)
        elif verdict == "ask":
            await reviews.ask_for_more(core, which, Person(by), reason)
        else:
            row = await service.row_by_id(core, which)
            if row.submission is None:
                raise application_decided(status=row.status)
            decide = reviews.approve if verdict == "approve" else reviews.reject
            await decide(core, row.submission, Decision(COMMAND_LINE, by, reason, core.clock()))
        _show(await reviews.examine(core, which))

    shell(work)
