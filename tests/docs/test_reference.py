"""What the documentation says of names and places is true."""

from __future__ import annotations

import re
import runpy

import pytest

from pytest_ukrom.options import OPTIONS

from .snippets import DOCUMENTS, ROOT

GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate.py"))
VARIABLE = re.compile(r"\bUKROM(?:_[A-Z]+)+\b")
SOURCES = (*(ROOT / "pytest_ukrom").glob("*.py"), *(ROOT / "emulator" / "ukrom").rglob("*.py"))


def every_document(test):
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)(test)


@every_document
def test_generated_tables_are_up_to_date(document):
    text = document.read_text(encoding="utf-8")

    assert GENERATOR["filled"](text, GENERATOR["generate"]()) == text, "run: python docs/generate.py"


def test_every_generated_table_is_shown_in_the_reference():
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")

    missing = [name for name in GENERATOR["generate"]() if f"<!-- generated: {name} -->" not in text]

    assert missing == []


def test_readme_shows_every_option():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [option.flag for option in OPTIONS if f"`{option.flag}" not in text] == []


@every_document
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), target
        if anchor:
            assert anchor in _anchors(linked), target


def test_reference_names_every_environment_variable_of_the_code():
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")

    assert _used() - set(VARIABLE.findall(text)) == set()


@every_document
def test_named_environment_variables_exist(document):
    assert set(VARIABLE.findall(document.read_text(encoding="utf-8"))) <= _used()


@every_document
def test_named_files_of_the_repository_exist(document):
    text = document.read_text(encoding="utf-8")
    places = re.findall(r"`((?:pytest_ukrom|emulator|tests|docs|examples|bench)/[\w./-]*)`", text)

    assert [place for place in places if not (ROOT / place).exists()] == []


def _used():
    texts = [source.read_text(encoding="utf-8") for source in SOURCES]
    named = {name for text in texts for name in VARIABLE.findall(text)} - {"UKROM_X"}  # stands for any
    return named | {option.variable for option in OPTIONS if "_" in option.variable}


def _anchors(document):
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
