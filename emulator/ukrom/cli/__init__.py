"""The `ukrom` command: one file per verb."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from ukrom.errors import UkromError

__all__ = ["main"]

_VERBS = ("cache", "doctor", "setup")


class _Verbs(click.Group):
    """Loads a verb when it is asked for, and shows the emulator's errors without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        command: click.Command = import_module(f"ukrom.cli.{cmd_name}").verb
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UkromError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Verbs)
@click.version_option(package_name="pytest-ukrom", message="ukrom %(version)s")
def main() -> None:
    """Run Unikraft Cloud apps on this machine, offline."""
