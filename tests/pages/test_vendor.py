"""What is vendored is what it says, and may be passed on."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import qrpay

VENDOR = Path(qrpay.__file__).parent / "pages" / "vendor"
ROWS: list[dict[str, Any]] = json.loads((VENDOR / "vendor.json").read_text("utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_a_vendored_file_is_the_one_that_was_published(row: dict[str, Any]) -> None:
    """Its hash is the one in the list, and its licence stands beside it."""
    assert hashlib.sha256((VENDOR / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert row["version"] in row["source"]
    for licence in row["licence_files"]:
        assert len((VENDOR / licence).read_text("utf-8")) > 900


def test_nothing_stands_in_the_folder_that_is_not_listed() -> None:
    """A library nobody listed would be a library nobody watches."""
    listed = {row["file"] for row in ROWS} | {text for row in ROWS for text in row["licence_files"]} | {"vendor.json"}
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert found == listed
