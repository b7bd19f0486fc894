"""The alarm is tested: each broken house is caught, by the simulation or by the suite, and the whole one is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutants import MUTATIONS, Mutation

ROOT = Path(__file__).parent.parent.parent
SEEDS = 24
"""Histories of a minute that a broken house gets to show itself, from its seed on; mostly the first does."""
TIMEOUT_S = 480


def broken(folder: Path, mutation: Mutation) -> Path:
    """A copy of the house with these words changed. Fails when a text is not there, once: then mend the mutation."""
    shutil.copytree(ROOT / "qrpay", folder / "qrpay", ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copytree(ROOT / "migrations", folder / "migrations")
    for name in ("tests", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    for file, old, new in mutation.edits:
        path = folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{mutation.name}: {file} no longer says, once: {old}"
        path.write_text(text.replace(old, new))
    return folder


def run(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python in that house."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QRPAY_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=clean | environ | {"PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_house_is_caught(mutation: Mutation, tmp_path: Path, server_dsn: str) -> None:
    """Exit status 1, and a check that says what is wrong."""
    house = broken(tmp_path, mutation)
    if mutation.suite:
        done = run(house, "pytest", "-q", "-n", "0", *mutation.suite)
        assert done.returncode == 1 and " failed" in done.stdout, done.stdout[-2_000:] + done.stderr[-2_000:]
        return
    environ = {"QRPAY_HOME": str(tmp_path / "home")}
    if "postgres_killed" not in mutation.faults:
        environ["QRPAY_MIGRATION_URL"] = server_dsn
    done = run(house, "qrpay", "sim", "--seed", str(mutation.seed), "--minutes", "1", "--histories", str(SEEDS),
               "--shrink", "0", "--faults", mutation.faults, **environ)  # fmt: skip
    assert done.returncode == 1, f"it was not noticed\n{done.stdout[-3_000:]}{done.stderr[-3_000:]}"
    rung = {
        line.split()[0] if not line.startswith("asked for") else "asked for"
        for line in done.stdout.splitlines()
        if line
    }
    assert rung & set(mutation.rings), f"another check rang\n{done.stdout[-5_000:]}{done.stderr[-3_000:]}"
