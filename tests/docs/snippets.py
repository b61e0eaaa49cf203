"""Takes the code blocks out of the documentation.

What a block is, its language says: `python` is a test module. A comment before it says more:

    <!-- snippet: vm -->           the tests need real VMs; they run in the end-to-end tests
    <!-- snippet: file NAME -->    the block is a file that tests of the same document use
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)

# Relative paths in a snippet start where the document's files are.
_CONFTEST = """\
import pytest

@pytest.fixture(autouse=True, scope="module")
def _in_its_folder(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(request.path.parent)
        yield
"""
_BLOCK = re.compile(
    r"(?:^ *<!-- snippet: ([^\n]*?) -->\n)?^( *)```(\w*)\n(.*?)^\2```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block of a document."""

    document: Path
    line: int
    language: str
    note: str
    text: str

    @property
    def where(self):
        return f"{self.document.name}:{self.line}"


def blocks(*languages):
    """All blocks in one of the languages, or all blocks there are."""
    return [
        block
        for document in DOCUMENTS
        for block in _blocks_of(document)
        if not languages or block.language in languages
    ]


def _blocks_of(document):
    text = document.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Block(document, line, found[3], found[1] or "", textwrap.dedent(found[4]))


def lay_out(folder, note):
    """Write the tests with a note, and the files they use, a folder for each document; count them."""
    (folder / "conftest.py").write_text(_CONFTEST)
    count = 0
    for block in blocks():
        place = folder / block.document.stem.replace("-", "_").lower()
        place.mkdir(exist_ok=True)
        if block.note.startswith("file "):
            path = place / block.note.removeprefix("file ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.language == "python" and block.note == note:
            (place / f"test_{place.name}_line_{block.line}.py").write_text(block.text)
            count += 1
    return count
