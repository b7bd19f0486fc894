"""`python -m tests.prepare` on a machine that has nothing."""

import subprocess
import sys
from pathlib import Path


def said(*words: str, path: Path) -> list[str]:
    """What it says where nothing but this is on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.prepare", *words], cwd=Path(__file__).parents[1], env={"PATH": str(path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_bare_machine_is_told_in_one_line_what_to_install(tmp_path: Path) -> None:
    """It never stops the tests: it says what is missing and ends well."""
    browsers, databases = said(path=tmp_path)

    assert browsers == "the browser tests need more: sudo apt-get install chromium fonts-noto-cjk fontconfig"
    assert databases.startswith("database tests run ")


def test_make_learns_where_postgresql_15_is(tmp_path: Path) -> None:
    """One folder with an initdb in it, or an empty line."""
    (folder,) = said("--postgres-15", path=tmp_path)

    assert folder == "" or Path(folder, "initdb").is_file()
    assert (folder == "") is ("apt-get install postgresql-15" in said(path=tmp_path)[1])
