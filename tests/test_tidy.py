"""The house rules, as a test: rooms of a feature, the order of features, sizes. Each message says what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from qrpay.app import FEATURES

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "qrpay"
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 420
ALWAYS = {"__init__.py", "feature.py", "model.py", "service.py"}

# What each room may import of its own feature, and of the house. A room that is not listed is a part of the
# service (such as pins.py): it may import what the service may.
FLOORS = {"values", "problem", "settings", "memory"}
SERVICE = FLOORS | {"core", "ledger", "codes", "vault", "hub", "database", "background", "web"}
ROOMS = {
    "model.py": ({"model"}, FLOORS | {"ledger", "codes", "desk"}),
    "problems.py": (set(), {"problem", "ledger"}),
    "store.py": ({"model", "store"}, {"database", "values", "codes", "ledger", "web"}),
    "api.py": (
        {"service", "model", "problems", "*"},
        {"web", "core", "problem", "values", "codes", "settings", "hub", "background"},
    ),
    "operators.py": ({"service", "model", "problems", "*"}, {"web", "core", "desk", "problem", "values", "ledger"}),
    "events.py": ({"service", "model", "store", "*"}, {"background", "core", "ledger", "values"}),
    "jobs.py": ({"service", "model", "*"}, {"background", "core", "ledger", "values"}),
}


def modules(tree: ast.Module) -> Iterator[str]:
    """What a file imports, as dotted names; what only types need does not count."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from qrpay.features.x import service` names a module too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "vendor" not in path.parts)


def test_every_feature_is_listed_and_every_listed_feature_is_there() -> None:
    """One folder, one line."""
    folders = {path.name for path in (HOUSE / "features").iterdir() if (path / "__init__.py").exists()}
    assert folders == set(FEATURES), "FEATURES in qrpay/app.py and the folders under qrpay/features/ must agree"


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_has_its_rooms(feature: str) -> None:
    """feature.py, model.py and service.py are always there."""
    rooms = {path.name for path in (HOUSE / "features" / feature).iterdir()}
    assert rooms >= ALWAYS, f"qrpay/features/{feature} lacks {sorted(ALWAYS - rooms)}"


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_uses_only_those_above_it(feature: str) -> None:
    """The list of features is also their order, so there is no cycle."""
    above = set(FEATURES[: FEATURES.index(feature) + 1])
    for path in files(HOUSE / "features" / feature):
        for name in modules(ast.parse(path.read_text())):
            parts = name.split(".")
            if parts[:2] == ["qrpay", "features"] and len(parts) > 2:
                assert parts[2] in above, f"{path.relative_to(ROOT)}: {feature} stands above {parts[2]} in FEATURES"


@pytest.mark.parametrize("feature", FEATURES)
def test_a_room_imports_what_it_may(feature: str) -> None:
    """The table of rooms (style guide 3): api knows no SQL, problems know nothing but problems."""
    for path in files(HOUSE / "features" / feature):
        if path.name not in ROOMS:
            continue
        own, floors = ROOMS[path.name]
        for name in modules(ast.parse(path.read_text())):
            parts = name.split(".")
            where = f"{path.relative_to(ROOT)} imports {name}"
            if parts[0] != "qrpay" or len(parts) < 2 or parts[1:3] == ["database", "errors"]:
                continue  # that the database may be away is no secret
            if parts[1] != "features":
                assert parts[1] in floors, f"{where}: {path.name} may use {sorted(floors)}"
            elif len(parts) > 3 and parts[2] == feature:
                assert parts[3] in own or "*" in own, f"{where}: {path.name} may use its feature's {sorted(own)}"
                assert path.name == "store.py" or parts[3] != "store" or path.name == "events.py", (
                    f"{where}: ask the service"
                )


def test_only_the_app_names_features() -> None:
    """What stands below features has never heard of one; demo, simulation, command line are users of the house."""
    users = {"app.py", "demo.py", "cli.py"}
    for path in files(HOUSE):
        inside = path.relative_to(HOUSE)
        if inside.parts[0] in ("features", "simulation") or inside.name in users:
            continue
        named = [name for name in modules(ast.parse(path.read_text())) if name.startswith("qrpay.features.")]
        assert not named, f"qrpay/{inside} names {named}"


@pytest.mark.parametrize("path", [*files(HOUSE), *files(ROOT / "benchmarks")], ids=lambda path: path.name)
def test_a_function_fits_a_screen_and_a_file_is_one_thought(path: Path) -> None:
    """70 lines a function; near 400 a file ask whether it is two."""
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= FILE_LINES_MAX, f"{path.relative_to(ROOT)} has {lines} lines: is it two thoughts?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{path.relative_to(ROOT)}: {node.name} has {length} lines"


def test_sql_stands_in_sql_files() -> None:
    """No statement is hidden in a service or an api."""
    for path in files(HOUSE / "features"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                starts = node.value.lstrip().split(" ", 1)[0]
                hidden = starts in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH") and " " in node.value
                assert not hidden, f"{path.relative_to(ROOT)}:{node.lineno} holds SQL: give it a name in store.sql"
