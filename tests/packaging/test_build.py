"""Every way of installing the package brings the guest agent along."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ukrom.host import find_compiler

REPOSITORY = Path(__file__).parents[2]
AGENT = "ukrom/qemu/guest/agent-x86_64"
BUILD = "import sys, hatchling.build as backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"


@pytest.fixture
def tree(tmp_path):
    """A copy of what a build needs, with an agent that compiles in no time, as fresh from Git."""
    tree = tmp_path / "tree"
    skip = shutil.ignore_patterns("__pycache__", "agent-x86_64", "*.c", "*.h")
    for folder in ("pytest_ukrom", "emulator"):
        shutil.copytree(REPOSITORY / folder, tree / folder, ignore=skip)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(REPOSITORY / name, tree / name)
    (tree / "emulator" / "guest" / "agent.c").write_text("int main(void) { return 0; }\n")
    return tree


def build(tree, kind, environ=None):
    """Build as pip does, but without an environment of its own; gives the path of what was made."""
    command = [sys.executable, "-c", BUILD, f"build_{kind}", "dist"]
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=True)
    return tree / "dist" / done.stdout.splitlines()[-1]


def agent_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(AGENT)


def test_wheel_is_for_any_machine_and_has_the_agent(tree):
    wheel = build(tree, "wheel")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert agent_in(wheel).startswith(b"\x7fELF")


def test_wheel_has_no_sources_of_the_agent_and_no_tests(tree):
    with zipfile.ZipFile(build(tree, "wheel")) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pytest_ukrom", "ukrom"}


def test_source_distribution_has_sources_and_no_binary(tree):
    build(tree, "wheel")
    with tarfile.open(build(tree, "sdist")) as archive:
        names = archive.getnames()
    assert any(name.endswith("/emulator/guest/agent.c") for name in names)
    assert not any(name.endswith(AGENT) for name in names)


def test_wheel_out_of_the_source_distribution_has_the_agent(tree, tmp_path):
    sdist = build(tree, "sdist")
    shutil.unpack_archive(sdist, tmp_path / "unpacked")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert agent_in(build(unpacked, "wheel")).startswith(b"\x7fELF")


def test_editable_install_has_the_agent_in_the_tree(tree):
    build(tree, "editable")
    assert (tree / "emulator" / AGENT).read_bytes().startswith(b"\x7fELF")


def test_agent_is_compiled_again_only_when_its_sources_changed(tree):
    build(tree, "wheel")
    agent = tree / "emulator" / AGENT
    before = agent.stat().st_ino
    build(tree, "wheel")
    assert agent.stat().st_ino == before

    (tree / "emulator" / "guest" / "agent.c").write_text("int main(void) { return 1; }\n")
    build(tree, "wheel")
    assert agent.stat().st_ino != before


def test_agent_that_does_not_compile_fails_the_build(tree):
    (tree / "emulator" / "guest" / "agent.c").write_text("int main(void) { return nonsense; }\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        build(tree, "wheel")
    assert "nonsense" in caught.value.stderr


def compilers_wanted(tree, environ):
    """What the build asks of PyPI, with the variables of `environ` and no ziglang to import."""
    code = (
        "import sys; sys.modules['ziglang'] = None;"
        "from hatchling.build import get_requires_for_build_wheel as needs;"
        "print([name for name in needs() if name.startswith('ziglang')])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_machine_with_a_compiler_needs_none_from_pypi(tree):
    assert compilers_wanted(tree, {**os.environ, "CC": shlex.join(find_compiler())}) == "[]"


def test_machine_without_a_compiler_gets_one_from_pypi(tree):
    assert compilers_wanted(tree, {"PATH": "/nowhere"}) == "['ziglang>=0.13']"
