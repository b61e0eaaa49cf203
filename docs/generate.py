"""Writes the tables of the documentation that the code knows best: `python docs/generate.py`.

A table stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->`; the tests fail when one is old.
"""
# ruff: noqa: INP001, T201 - a script, run by hand

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import pytest_ukrom
from pytest_ukrom import plugin
from pytest_ukrom.options import OPTIONS
from ukrom.api import BUILDS_NOT_EMULATED, CONTROL_PLANE, NOT_EMULATED, PLATFORM
from ukrom.cli import main as command

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

FIXTURES = ("ukrom", "ukrom_session", "ukrom_api")
# What a test uses; the classes have more, which the plugin's parts share.
MEMBERS = {
    "Ukrom": (
        *("url", "url_of", "token", "user", "metro", "metros", "ca_file", "stub"),
        *("clock", "fail", "dump", "load"),
        *("build_rom", "python_image", "image_from_dir", "list_images", "run", "instance"),
    ),
    "Instance": (
        *("name", "uuid", "url", "state", "read", "get", "request", "client", "async_client"),
        *("logs", "wait", "exec", "start", "stop", "delete"),
    ),
    "Execution": ("exit_code", "output", "errors"),
    "Rom": ("image", "path", "size", "digest", "attach"),
}
# Set in the constructor, so that they have no docstring.
_ATTRIBUTES = {"name": "Its name.", "uuid": "Its UUID, as text."}

_SOURCE = re.compile(r" \((?:specification|images and clients)[^)]*\)")
_ENTRY = re.compile(r"(\w+): (.*)")


def generate() -> dict[str, str]:
    """All tables, by name."""
    classes = {f"class-{name}": "\n\n".join(_members(name)) for name in MEMBERS}
    return {
        "options": _table(("command line", "environment", "ini file", "what it does"), _options()),
        "fixtures": _table(("fixture", "scope", "what it is"), _fixtures()),
        "operations": _table(("operation", "requests"), _operations(PLATFORM)),
        "control-plane": _table(("operation", "requests"), _operations(CONTROL_PLANE)),
        "not-emulated": "\n".join(f"- `{methods}` `{path}`" for methods, path in NOT_EMULATED),
        "not-emulated-builds": "\n".join(f"- `{methods}` `{path}`" for methods, path in BUILDS_NOT_EMULATED),
        "cli": "\n\n".join(_verbs()),
        **classes,
    }


def filled(text: str, tables: dict[str, str]) -> str:
    """A document with its tables renewed."""
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        text = pattern.sub(lambda found, new=table: f"{found[1]}\n{new}\n\n{found[2]}", text)
    return text


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), tuple("---" for _ in head), *(tuple(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _options() -> Iterable[tuple[str, ...]]:
    for option in OPTIONS:
        value = "|".join(option.choices) or option.value
        flag = f"{option.flag}={value}" if value else option.flag
        escaped = flag.replace("|", r"\|")
        yield f"`{escaped}`", f"`{option.variable}`", f"`{option.name}`", option.help


def _fixtures() -> Iterable[tuple[str, ...]]:
    for name in FIXTURES:
        definition: Any = getattr(plugin, name)
        scope = definition._fixture_function_marker.scope  # noqa: SLF001
        yield f"`{name}`", scope, " ".join((definition._fixture_function.__doc__ or "").split())  # noqa: SLF001


def _operations(table: Iterable[Any]) -> Iterable[tuple[str, ...]]:
    for operation in table:
        yield operation.name, "<br>".join(f"`{operation.method} {path}`" for path in operation.paths)


def _verbs() -> Iterable[str]:
    for name, verb in _commands("ukrom", command):
        rows = [
            (" ".join(f"`{text}`" for text in parameter.opts), getattr(parameter, "help", "") or "")
            for parameter in verb.params
        ]
        options = [_table(("option", "what it does"), rows)] if rows else []
        yield "\n\n".join([f"### `{name}`", inspect.cleandoc(verb.help or ""), *options])


def _commands(path: str, group: click.Group) -> Iterable[tuple[str, click.Command]]:
    """All commands with their whole names, those of groups behind these."""
    context = click.Context(group)
    for name in group.list_commands(context):
        verb = group.get_command(context, name)
        assert verb is not None
        yield f"{path} {name}", verb
        if isinstance(verb, click.Group):
            yield from _commands(f"{path} {name}", verb)


def _members(name: str) -> Iterable[str]:
    kind = getattr(pytest_ukrom, name)
    fields = _field_texts(kind)
    for member in MEMBERS[name]:
        found = inspect.getattr_static(kind, member, None)
        if inspect.isfunction(found):
            yield f"### `{member}{_signature(found)}`\n\n{_prose(inspect.getdoc(found) or '')}"
        else:
            text = _ATTRIBUTES.get(member) or fields.get(member) or inspect.getdoc(found)
            assert text, f"nothing is said of {name}.{member}"
            yield f"### `{member}`\n\n{_prose(text)}"


def _field_texts(kind: type[Any]) -> dict[str, str]:
    """Texts that stand below the fields of a data class."""
    source = inspect.getsource(import_module(kind.__module__))
    body = source.partition(f"class {kind.__name__}:")[2].partition("\nclass ")[0]
    return dict(re.findall(r'^    (\w+): [^\n]+\n    """(.*?)"""', body, re.MULTILINE | re.DOTALL))


def _signature(function: Any) -> str:
    parts, keyword_only = [], False
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append(f"**{parameter.name}")
        elif parameter.default is parameter.empty:
            parts.append(parameter.name)
        else:
            default = repr(parameter.default)
            parts.append(f"{parameter.name}={default if len(default) < 20 else '…'}")
    return f"({', '.join(parts)})"


def _prose(doc: str) -> str:
    """A Google docstring as Markdown: what is said of arguments and errors becomes a list."""
    doc = _SOURCE.sub("", doc)
    lines: list[str] = []
    in_list = False
    for line in doc.splitlines():
        text = line.strip()
        if text in {"Args:", "Raises:", "Returns:"}:
            in_list = text != "Returns:"
            lines += {"Args:": [], "Returns:": ["Returns:"], "Raises:": ["Raises:", ""]}[text]
        elif in_list and line.startswith("    ") and not line.startswith("     "):
            entry = _ENTRY.match(text)
            lines.append(f"- `{entry[1]}`: {entry[2]}" if entry else text)
        elif in_list and text:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return re.sub(r"\n(?:\n)+", "\n\n", "\n".join(lines)).strip()


def main() -> None:
    """Renew all documents in place."""
    tables = generate()
    for path in DOCUMENTS:
        old = path.read_text(encoding="utf-8")
        new = filled(old, tables)
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
