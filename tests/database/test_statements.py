"""Statements by name from `.sql` files."""

from pathlib import Path

import pytest

from qrpay.database.statements import Statements

GOOD = """-- Anything may stand at the top of a file, as a comment.

-- name: about                                                        (ledger/store.sql)
-- All transfers of one kind about one thing, oldest first.
-- $1 about uuid  $2 code transfer_code
SELECT id
-- a comment inside stays inside
FROM transfers WHERE about = $1;

-- check: none_is_negative
-- No amount is below zero.
SELECT id FROM transfers WHERE amount < 0;
"""


def test_a_statement_has_its_name_its_sentence_and_its_text(tmp_path: Path) -> None:
    """It is found as an attribute and by index, without its semicolon."""
    path = tmp_path / "store.sql"
    path.write_text(GOOD)

    statements = Statements.load(path)

    assert statements.about is statements["about"]
    assert statements.about.text == "SELECT id\n-- a comment inside stays inside\nFROM transfers WHERE about = $1"
    assert statements.about.doc.startswith("All transfers of one kind")
    assert "$2 code transfer_code" in statements.about.doc
    assert list(statements) == ["about", "none_is_negative"]
    assert [check.name for check in statements.checks] == ["none_is_negative"]


def test_a_check_may_be_looked_at_in_pieces(tmp_path: Path) -> None:
    """The statement that names the pieces stands with the check, and is no statement of its own."""
    path = tmp_path / "store.sql"
    path.write_text(GOOD + "\n-- pieces: none_is_negative\n-- By thousands.\nSELECT 0, 1000;\n")

    statements = Statements.load(path)

    assert statements.none_is_negative.pieces == "SELECT 0, 1000"
    assert list(statements) == ["about", "none_is_negative"]
    path.write_text(GOOD + "\n-- pieces: about\n-- By thousands.\nSELECT 0, 1000;\n")
    with pytest.raises(ValueError, match="after the check itself"):
        Statements.load(path)


def test_an_unknown_name_says_which_file_lacks_it(tmp_path: Path) -> None:
    """A misspelt statement is found by its message."""
    path = tmp_path / "store.sql"
    path.write_text(GOOD)

    with pytest.raises(AttributeError, match=r"store\.sql has no statement called abuot"):
        _ = Statements.load(path).abuot


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;", "SQL before the first"),
        ("-- name: one\nSELECT 1;", "say in a comment"),
        ("-- name: one\n-- One.\nSELECT 1", "semicolon"),
        ("-- name: one\n-- One.\n", "semicolon"),
        ("-- name: one\n-- One.\nSELECT 1;\n-- name: one\n-- Two.\nSELECT 2;", "two statements are called one"),
    ],
)
def test_a_file_that_is_not_made_of_named_statements_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file and the line."""
    path = tmp_path / "store.sql"
    path.write_text(text)

    with pytest.raises(ValueError, match=rf"store\.sql:\d+: .*{message}"):
        Statements.load(path)
