"""Our own page sources keep the rules that a strict content security policy and two languages ask for."""

import re
from pathlib import Path

import pytest

import qrpay

PAGES = Path(qrpay.__file__).parent / "pages"
SOURCES = sorted(
    path for path in PAGES.rglob("*") if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts
)
HTML = [path for path in SOURCES if path.suffix == ".html"]


def named(path: Path) -> str:
    """The name of a page source in a report."""
    return path.relative_to(PAGES).as_posix()


@pytest.mark.parametrize("path", HTML, ids=named)
def test_a_page_carries_no_inline_code(path: Path) -> None:
    """Scripts and styles come from files: the policy knows no 'unsafe-inline'."""
    text = path.read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", text) == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_source_names_no_other_host(path: Path) -> None:
    """Nothing is fetched from elsewhere; the one address allowed is the name of the SVG language."""
    outside = re.findall(r"https?://(?!www\.w3\.org/2000/svg)[\w.]+", path.read_text("utf-8"))
    assert outside == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_source_is_one_thought(path: Path) -> None:
    """Near 400 lines a file is two."""
    assert len(path.read_text("utf-8").splitlines()) < 400


def tables() -> dict[str, dict[str, str]]:
    """The sentences of texts.js by language and name."""
    text = (PAGES / "texts.js").read_text("utf-8")
    english, chinese = text.split("\n  zh: {")
    row = re.compile(r'\b(\w+): "((?:[^"\\]|\\.)*)"')
    return {"en": dict(row.findall(english)), "zh": dict(row.findall(chinese))}


def test_both_languages_say_the_same_things() -> None:
    """Every sentence stands in both tables, with the same figures to fill in."""
    said = tables()
    assert said["en"].keys() == said["zh"].keys()
    for name, sentence in said["en"].items():
        assert set(re.findall(r"\{\w+\}", sentence)) == set(re.findall(r"\{\w+\}", said["zh"][name])), name


def test_every_sentence_that_is_asked_for_exists() -> None:
    """A name that is written out in t("…") stands in the tables; names put together start like at least one."""
    known = tables()["en"].keys()
    for path in SOURCES:
        text = path.read_text("utf-8")
        assert set(re.findall(r'\bt\("(\w+)"', text)) <= known, path.name
        for start in re.findall(r"\bt\(`(\w+_)\$", text):
            assert any(name.startswith(start) for name in known), start
