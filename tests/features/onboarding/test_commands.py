"""An application reviewed on the server's command line, by two names."""

import re
from pathlib import Path

from click.testing import CliRunner, Result

from qrpay.core import Core
from qrpay.features.onboarding import papers, service
from qrpay.features.onboarding.commands import commands
from qrpay.features.onboarding.model import Application
from qrpay.problem import Refused
from qrpay.values import id_from_text, new_id
from tests.features.onboarding.test_checks import GOOD
from tests.features.test_commands import OwnShell, shell

__all__ = ["shell"]
PDF = b"%PDF-1.7\nlicence of a shop\n%%EOF\n"


async def handed_in(core: Core) -> Application:
    """An application with its papers, submitted."""
    begun, _ = await service.begin(core, GOOD, str(new_id()), "127.0.0.1")
    application = id_from_text("apl_", begun.id)
    assert application is not None
    await papers.add(core, application, "business_licence", PDF)
    await papers.add(core, application, "legal_person_id", PDF + b" ")
    return await service.submit(core, application)


def typed(shell: OwnShell, *words: str) -> Result:
    """What a command of `qrpay merchants` comes to."""
    return CliRunner().invoke(commands[0], words, obj=shell)


def test_two_names_review_an_application(shell: OwnShell, tmp_path: Path) -> None:
    """Listed, looked at, its papers saved; whoever checked does not decide; what is approved becomes a merchant."""
    one = shell(handed_in)
    assert one.id in typed(shell, "applications", "--status", "submitted", "--json").output
    shown = typed(shell, "application", one.id).output
    assert "needs_person" in shown and "****0128" in shown
    assert "6222021234567890128" not in shown and "13800138000" not in shown
    saved = typed(shell, "application", one.id, "--paper", one.papers[0].id, "--to", str(tmp_path))
    assert saved.exit_code == 0, saved.output
    [file] = tmp_path.iterdir()
    assert (file.read_bytes(), file.suffix, file.stat().st_mode & 0o077) == (PDF, ".pdf", 0)

    early = typed(shell, "review", one.id, "approve", "--by", "wang", "--reason", "complete")
    assert isinstance(early.exception, Refused) and early.exception.problem.code == "application_unchecked"
    assert typed(shell, "review", one.id, "check", "--by", "li", "--reason", "all agree").exit_code == 0
    own = typed(shell, "review", one.id, "approve", "--by", "li", "--reason", "complete")
    assert isinstance(own.exception, Refused) and own.exception.problem.code == "decided_by_its_checker"
    done = typed(shell, "review", one.id, "approve", "--by", "wang", "--reason", "complete")
    assert done.exit_code == 0, done.output
    merchant = re.search(r"mer_[0-9A-Z]{26}", done.output)
    assert merchant is not None
    acts = typed(shell, "acts", merchant[0]).output
    assert "taken_on" in acts and "by li, checked by wang" in acts
