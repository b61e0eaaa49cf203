"""The guest agent is compiled when it must be, and only then."""

from __future__ import annotations

import os
import subprocess

import pytest

from ukrom.errors import MissingTool
from ukrom.host import agent_binary
from ukrom.host.compile import CompileError, compile_agent, find_compiler, is_current


@pytest.fixture
def package(tmp_path):
    """A source checkout with an agent that says hello."""
    sources = tmp_path / "guest"
    sources.mkdir()
    (sources / "agent.h").write_text("int say(void);\n")
    (sources / "agent.c").write_text('#include "agent.h"\nint main(void) { return say() < 0; }\n')
    (sources / "say.c").write_text(
        '#include <stdio.h>\n#include "agent.h"\nint say(void) { return puts("hello"); }\n'
    )
    return tmp_path / "ukrom"


def sources(package):
    return package.parent / "guest"


def test_agent_is_compiled_out_of_all_its_sources(package):
    binary = agent_binary(package)
    assert subprocess.run([binary], capture_output=True, text=True, check=True).stdout == "hello\n"
    assert [path.name for path in binary.parent.iterdir()] == ["agent-x86_64"]


def test_agent_is_static(package):
    content = agent_binary(package).read_bytes()
    assert b"/lib64/ld-linux" not in content


def test_current_agent_is_left_alone(package):
    before = agent_binary(package).stat().st_ino
    assert agent_binary(package).stat().st_ino == before


@pytest.mark.parametrize("direction", [1, -1])
def test_changed_header_compiles_it_anew(package, direction):
    binary = agent_binary(package)
    times = [path.stat().st_mtime_ns + direction * 10**9 for path in sources(package).iterdir()]
    for path in sources(package).iterdir():
        os.utime(path, ns=(min(times), min(times)))

    assert not is_current(sources(package), binary)
    agent_binary(package)
    assert is_current(sources(package), binary)


def test_installed_package_has_it_ready(tmp_path):
    binary = tmp_path / "ukrom" / "qemu" / "guest" / "agent-x86_64"
    binary.parent.mkdir(parents=True)
    binary.touch()
    assert agent_binary(tmp_path / "ukrom") == binary


def test_installed_package_without_it_is_told(tmp_path):
    with pytest.raises(MissingTool, match="has no guest agent"):
        agent_binary(tmp_path / "ukrom")


def test_compiler_error_is_shown(package):
    (sources(package) / "say.c").write_text("int say(void) { return nonsense; }\n")
    with pytest.raises(MissingTool, match=r"(?s)cannot be.*nonsense.*ziglang"):
        agent_binary(package)
    assert list((package / "qemu" / "guest").iterdir()) == []


def test_warnings_are_errors(package):
    (sources(package) / "say.c").write_text("int say(void) { int unused; return 0; }\n")
    with pytest.raises(CompileError, match="unused"):
        compile_agent(sources(package), package / "agent")


def test_compiler_that_cannot_link_statically_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "false")
    assert find_compiler() != ["false"]


def test_no_compiler_at_all_is_told(package, monkeypatch):
    monkeypatch.setattr("ukrom.host.compile._candidates", list)
    with pytest.raises(MissingTool, match=r"no C compiler links statically(.|\n)*gcc, libc6-dev"):
        agent_binary(package)


def test_folder_without_sources_is_told(tmp_path):
    with pytest.raises(CompileError, match="no C sources"):
        compile_agent(tmp_path, tmp_path / "agent", ["cc"])
