from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import pytest_ukrom
import pytest_ukrom.errors
import ukrom
import ukrom.errors
from ukrom.errors import DeadlineExceeded, MachineError, MissingTool, UkromError


def drawn(text):
    """The pairs of parent and child in a tree drawn as text."""
    path, pairs = [], set()
    for line in text.splitlines():
        found = re.fullmatch(r"(?P<branch>[ │]*(?:[├└]── )?)(?P<name>[A-Z]\w+)(?: {2,}\S.*)?", line)
        if found is None:
            continue
        depth = len(found["branch"])
        while path and path[-1][0] >= depth:
            path.pop()
        if path:
            pairs.add((path[-1][1], found["name"]))
        path.append((depth, found["name"]))
    return pairs


def real(package):
    """The pairs of parent and child among the errors that are defined in a package."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith("ukrom.cli.__"):
            importlib.import_module(module.name)
    pairs, waiting = set(), [UkromError]
    while waiting:
        parent = waiting.pop()
        for child in parent.__subclasses__():
            waiting.append(child)
            if child.__module__.partition(".")[0] == package.__name__:
                pairs.add((parent.__name__, child.__name__))
    return pairs


@pytest.mark.parametrize(("package", "module"), [(ukrom, ukrom.errors), (pytest_ukrom, pytest_ukrom.errors)])
def test_drawing_shows_the_real_tree(package, module):
    pairs = drawn(module.__doc__)

    assert pairs == real(package)
    assert pairs


def test_drawing_is_read_as_a_tree():
    text = (
        "Words.\n\n    Root      what\n    ├── One   is\n    │   └── Two\n    └── Three   it\n\nMore words."
    )

    assert drawn(text) == {("Root", "One"), ("One", "Two"), ("Root", "Three")}


def test_remedy_stands_on_a_line_of_its_own():
    assert str(UkromError("It is broken.")) == "It is broken."
    assert str(UkromError("It is broken.", remedy="Mend it.")) == "It is broken.\nMend it."
    assert str(MissingTool("qemu", "There is no qemu.")) == "There is no qemu.\nRun `ukrom setup`."


def test_errors_of_machines_carry_what_was_seen():
    error = MachineError("It ended.", console="Oops", stderr="no", command=("qemu", "-m"))

    assert (error.console, error.stderr, error.command) == ("Oops", "no", ("qemu", "-m"))
    with pytest.raises(TimeoutError):
        raise DeadlineExceeded("too late")
