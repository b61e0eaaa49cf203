"""Build hook: compiles the guest agent into the package, for wheels and for editable installs.

The binary is data for the guest, not code for this machine: the wheel stays `py3-none-any`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from types import ModuleType

_COMPILE = Path("emulator", "ukrom", "host", "compile.py")
_SOURCES = Path("emulator", "guest")
# An editable install sees only what lies in the tree, so the binary is written there (git ignores it).
_AGENT = Path("emulator", "ukrom", "qemu", "guest", "agent-x86_64")


class GuestAgentHook(BuildHookInterface[Any]):
    """Writes the guest agent into the tree before a wheel is made."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """A C compiler out of PyPI, where the machine has none that can make the agent."""
        return [] if self._compile().find_compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Compile the agent unless it is there already, built from these very sources."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        compile_ = self._compile()
        if not compile_.is_current(root / _SOURCES, root / _AGENT):
            compile_.compile_agent(root / _SOURCES, root / _AGENT)

    def _compile(self) -> ModuleType:
        """Load the package's own code by its path: the package cannot be imported yet."""
        spec = importlib.util.spec_from_file_location("ukrom_host_compile", Path(self.root, _COMPILE))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
