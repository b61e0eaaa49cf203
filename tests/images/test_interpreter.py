"""The interpreter that an image is made from."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ukrom.errors import HostNotSupported, ImageError
from ukrom.images import host_architecture, probe
from ukrom.images.interpreter import inspect_interpreter


def test_running_interpreter_is_looked_through_to_its_base():
    python = inspect_interpreter(sys.executable)

    assert python.binary == Path(sys._base_executable).resolve()
    assert python.stdlib == Path(os.__file__).resolve().parent
    assert python.architecture == host_architecture()
    assert python.guest_stdlib.endswith(f"/{python.stdlib.name}")


def test_another_interpreter_is_asked(tmp_path):
    alias = tmp_path / "python-of-another-name"
    alias.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    alias.chmod(0o755)

    asked, own = inspect_interpreter(alias), inspect_interpreter(sys.executable)

    assert (asked.binary, asked.build, asked.stdlib) == (own.binary, own.build, own.stdlib)
    assert asked.executable == alias


def test_debian_looks_for_distributions_elsewhere(monkeypatch, tmp_path):
    said = probe.describe() | {"stdlib": str(tmp_path / "python3.11"), "library_folder": "lib"}
    (tmp_path / "python3.11").mkdir()
    monkeypatch.setattr(probe, "describe", lambda: said)

    (tmp_path / "python3.11" / "site.py").write_text('libdir, "site-packages"')
    assert inspect_interpreter(sys.executable).guest_site == "/usr/lib/python3.11/site-packages"
    (tmp_path / "python3.11" / "site.py").write_text('"local/lib", "dist-packages"')
    assert inspect_interpreter(sys.executable).guest_site == "/usr/lib/python3/dist-packages"


def test_build_with_lib64_keeps_it(monkeypatch):
    said = probe.describe() | {"stdlib": "/usr/lib64/python3.13", "library_folder": "lib64"}
    monkeypatch.setattr(probe, "describe", lambda: said)

    assert inspect_interpreter(sys.executable).guest_stdlib == "/usr/lib64/python3.13"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"platform": "darwin"}, r"cannot run the Python of this machine \(darwin\)"),
        ({"implementation": "pypy"}, "is pypy"),
        ({"binary": os.devnull}, "which is no ELF program"),
    ],
)
def test_interpreter_that_no_guest_can_run_is_refused_with_what_to_do(monkeypatch, said, reason):
    all_said = probe.describe() | said
    monkeypatch.setattr(probe, "describe", lambda: all_said)

    with pytest.raises(HostNotSupported, match=reason) as caught:
        inspect_interpreter(sys.executable)
    assert "image_from_dir" in caught.value.remedy


def test_program_of_another_architecture_is_refused(monkeypatch, make_elf, tmp_path):
    other = "arm64" if host_architecture() == "x86_64" else "x86_64"
    said = probe.describe() | {"binary": str(make_elf(tmp_path / "python3", architecture=other))}
    monkeypatch.setattr(probe, "describe", lambda: said)

    with pytest.raises(HostNotSupported, match=f"The guest is {host_architecture()} .* which is {other}"):
        inspect_interpreter(sys.executable)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\necho hello\n", "is no Python interpreter"),
        ("#!/bin/sh\necho broken >&2\nexit 1\n", "cannot tell about itself: broken"),
    ],
)
def test_program_that_is_no_python_is_named(tmp_path, text, reason):
    (tmp_path / "python3").write_text(text)
    (tmp_path / "python3").chmod(0o755)

    with pytest.raises(ImageError, match=reason):
        inspect_interpreter(tmp_path / "python3")


def test_missing_interpreter_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"gone' is no Python interpreter: .*No such file"):
        inspect_interpreter(tmp_path / "gone")


def test_what_is_said_can_cross_a_pipe():
    assert json.loads(json.dumps(probe.describe())) == probe.describe()


def test_markers_are_those_of_packaging():
    from packaging.markers import default_environment

    assert probe.describe()["markers"] == default_environment()
