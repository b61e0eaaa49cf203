"""Writes docs/api-coverage.md: `python docs/coverage.py`.

What is emulated stands in the table of operations; what is tested, in the marks of the conformance suite
(`@pytest.mark.covers("PATCH /v1/instances", kind="change")`), which are read without running anything.
The tests fail when the page is old, and when an operation lacks a test.
"""
# ruff: noqa: INP001, T201 - a script, run by hand

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.api import BUILDS_NOT_EMULATED, CONTROL_PLANE, NOT_EMULATED, PLATFORM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ukrom.api import Operation

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api-coverage.md"
SUITE = ROOT / "tests" / "conformance"
KINDS = ("change", "refusal")

_HEAD = """\
# What is emulated, and how it is tested

Written by `docs/coverage.py` out of the table of operations and the marks of the tests in
`tests/conformance/`.

An operation counts as emulated with a test that sees its change of state (for a read: that sees content)
and one that sees a refusal.
The tests are driven by the official SDK, or by plain httpx where the SDK has no words for a request;
the SDK's models parse every answer, with unknown fields refused.
The doors are {doors}; where the tests of an operation take fewer, those are named.
"""


@dataclass(frozen=True)
class Test:
    """One mark on one test."""

    operation: str
    """As marked: `PATCH /v1/instances`, `GET controlplane/v1/metros`."""
    kind: str
    name: str
    file: str
    doors: tuple[str, ...]


@dataclass
class Row:
    """An operation and its tests."""

    operation: Operation
    prefix: str
    """What its paths begin with in marks: `/v1` or `controlplane/v1`."""
    tests: list[Test] = field(default_factory=list)

    @property
    def requests(self) -> tuple[str, ...]:
        """What marks may name."""
        return tuple(f"{self.operation.method} {self.prefix}{path}" for path in self.operation.paths)

    @property
    def doors(self) -> tuple[str, ...]:
        """Through which doors it is tested."""
        taken = {door for test in self.tests for door in test.doors}
        return tuple(door for door in all_doors() if door in taken)


def all_doors() -> tuple[str, ...]:
    """The doors that the suite goes through, as it names them."""
    for node in ast.parse((SUITE / "doors.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and _target(node) == "EMULATED":
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    raise AssertionError("tests/conformance/doors.py names no doors")


def collected(folder: Path = SUITE) -> list[Test]:
    """Every mark in the files of a folder, read off their source."""
    return [
        test
        for path in sorted(folder.glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for test in _marks(node, path.stem)
    ]


def rows(tests: Sequence[Test]) -> list[Row]:
    """Every operation of the table with its tests."""
    table = [Row(operation, "/v1") for operation in PLATFORM]
    table += [Row(operation, "controlplane/v1") for operation in CONTROL_PLANE]
    by_request = {request: row for row in table for request in row.requests}
    for test in tests:
        if row := by_request.get(test.operation):
            row.tests.append(test)
    return table


def faults(tests: Sequence[Test]) -> list[str]:
    """What is missing, each in a sentence."""
    table = rows(tests)
    known = {request for row in table for request in row.requests}
    found = [
        f"{test.file}::{test.name} covers {test.operation!r}, which is no operation of the table"
        for test in tests
        if test.operation not in known
    ]
    found += [
        f"{test.file}::{test.name} sees neither a change nor a refusal, but {test.kind!r}"
        for test in tests
        if test.kind not in KINDS
    ]
    for row in table:
        seen, taken = {test.kind for test in row.tests}, {test.operation for test in row.tests}
        found += [f"no test sees a {kind} of {row.operation.name!r}" for kind in KINDS if kind not in seen]
        found += [f"no test takes {request}" for request in row.requests if request not in taken]
    return found


def page(tests: Sequence[Test]) -> str:
    """The page."""
    table = rows(tests)
    sections = [
        _HEAD.format(doors=", ".join(all_doors())),
        _section("The platform API", [row for row in table if row.prefix == "/v1"]),
        _section("The control plane", [row for row in table if row.prefix != "/v1"]),
        _not_emulated(),
    ]
    return "\n".join(sections)


def _section(title: str, table: Iterable[Row]) -> str:
    lines = [f"## {title}", ""]
    for row in table:
        lines += [f"### {row.operation.name[0].upper()}{row.operation.name[1:]}", ""]
        lines += [", ".join(f"`{request.replace('controlplane', '')}`" for request in row.requests) + ".", ""]
        lines += [f"- {kind}: {_named(row.tests, kind)}" for kind in KINDS]
        if row.doors != all_doors():
            lines.append(f"- doors: {', '.join(row.doors) or 'none'}")
        if row.operation.simplified:
            lines.append(f"- simplified: {row.operation.simplified}")
        lines.append("")
    return "\n".join(lines)


def _named(tests: Iterable[Test], kind: str) -> str:
    names = dict.fromkeys(f"`{test.file}::{test.name}`" for test in tests if test.kind == kind)
    return ", ".join(names) or "**no test**"


def _not_emulated() -> str:
    lines = [
        "## Not emulated",
        "",
        "These answer that they are not emulated, and never a canned success.",
        "",
    ]
    lines += [f"- `{methods}` `{path}`" for methods, path in NOT_EMULATED]
    lines += [f"- build service: `{methods}` `{path}`" for methods, path in BUILDS_NOT_EMULATED]
    return "\n".join([*lines, ""])


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef, file: str) -> Iterator[Test]:
    marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
    through = [mark for mark in marks if ast.unparse(mark.func) == "pytest.mark.through"]
    doors = tuple(ast.literal_eval(arg) for mark in through for arg in mark.args) or all_doors()
    for mark in marks:
        if ast.unparse(mark.func) == "pytest.mark.covers":
            said = {keyword.arg: ast.literal_eval(keyword.value) for keyword in mark.keywords}
            yield Test(ast.literal_eval(mark.args[0]), said.get("kind", ""), node.name, file, doors)


def _target(node: ast.Assign) -> str:
    return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""


def main() -> None:
    """Renew the page, and tell what is missing."""
    tests = collected()
    PAGE.write_text(page(tests), encoding="utf-8")
    for fault in faults(tests):
        print(fault)


if __name__ == "__main__":
    main()
