"""`python -m tests.prepare` on a machine that has nothing."""

import subprocess
import sys
from pathlib import Path


def test_a_bare_machine_is_told_in_one_line_what_to_install(tmp_path: Path) -> None:
    """It never stops the tests: it says what is missing and ends well."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.prepare"], cwd=Path(__file__).parents[1], env={"PATH": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == ("the browser tests need more: sudo apt-get install chromium fonts-noto-cjk fontconfig\n")
