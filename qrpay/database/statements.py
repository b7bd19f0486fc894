"""SQL in `.sql` files: every statement has a name and a sentence, and stands beside the module that calls it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

_HEADER: Final = re.compile(r"-- (name|check|pieces): ([a-z][a-z0-9_]*)(\s|$)")


class Statement(Struct, frozen=True):
    """One SQL statement.

    name   what it is called in its file
    text   the SQL, without the closing semicolon
    doc    the sentence and the parameters written above it
    check  whether it is an invariant, which must return no row
    pieces of an invariant that looks at one piece at a time, from $1 on up to $2: the statement that names the pieces
    """

    name: str
    text: str
    doc: str
    check: bool = False
    pieces: str | None = None


class Statements(Mapping[str, Statement]):
    """The statements of one file, by name: `STATEMENTS.about` or `STATEMENTS["about"]`."""

    def __init__(self, statements: Mapping[str, Statement], path: Path) -> None:
        self._by_name = dict(statements)
        self.path = path

    @classmethod
    def load(cls, path: Path) -> "Statements":
        """Read a file; raises ValueError, with the line, when it is not made of named statements.

        A statement begins with `-- name: about` (or `-- check: about`), goes on with comment lines that hold a
        sentence and its parameters, then its SQL, and ends with a semicolon at the end of a line. After a check that
        takes a piece ($1, $2) comes `-- pieces: about`, which answers those pieces.
        """
        found: dict[str, Statement] = {}
        for line, kind, name, body in _sections(path):
            if kind == "pieces":
                if name not in found or not found[name].check:
                    raise ValueError(f"{path}:{line}: the pieces of {name} stand after the check itself")
                found[name] = replace(found[name], pieces=_parted(body)[1].rstrip(";"))
                continue
            if name in found:
                raise ValueError(f"{path}:{line}: two statements are called {name}")
            doc, text = _parted(body)
            if not doc:
                raise ValueError(f"{path}:{line}: say in a comment what {name} does")
            if not text.endswith(";") or len(text) == 1:
                raise ValueError(f"{path}:{line}: {name} must end with a semicolon")
            found[name] = Statement(name, text[:-1].rstrip(), doc, kind == "check")
        return cls(found, path)

    @property
    def checks(self) -> tuple[Statement, ...]:
        """The invariants among them; each must return no row."""
        return tuple(statement for statement in self._by_name.values() if statement.check)

    def __getitem__(self, name: str) -> Statement:
        return self._by_name[name]

    def __getattr__(self, name: str) -> Statement:
        try:
            return self._by_name[name]
        except KeyError:
            raise AttributeError(f"{self.path} has no statement called {name}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def _sections(path: Path) -> Iterator[tuple[int, str, str, list[str]]]:
    """Each header's line number, its kind, its name, and the lines below it."""
    header: tuple[int, str, str] | None = None
    body: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = _HEADER.match(line)
        if match is None:
            if header is None and line.strip() and not line.startswith("--"):
                raise ValueError(f"{path}:{number}: SQL before the first `-- name:`")
            body.append(line)
            continue
        if header is not None:
            yield *header, body
        header, body = (number, match[1], match[2]), []
    if header is not None:
        yield *header, body


def _parted(body: list[str]) -> tuple[str, str]:
    """The comment above a statement, and the statement."""
    rest = iter(body)
    doc: list[str] = []
    text: list[str] = []
    for line in rest:
        if not line.startswith("--"):
            text = [line, *rest]
            break
        doc.append(line[2:].strip())
    return "\n".join(doc).strip(), "\n".join(text).strip()
