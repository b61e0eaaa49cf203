"""`ukrom setup`: gets what pip cannot install."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ukrom.host import Cache, Choices, Step

__all__ = ["verb"]

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True)


@click.command("setup")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--kernel", type=_FILE, help="Boot guests with this bzImage.")
@click.option("--modules", type=_FOLDER, help="Its modules, as in /lib/modules/<release>.")
@click.option("--qemu", type=_FILE, help="Use this qemu-system-x86_64.")
@click.option("--forget", is_flag=True, help="Forget what --kernel, --modules and --qemu named before.")
def verb(*, yes: bool, kernel: Path | None, modules: Path | None, qemu: Path | None, forget: bool) -> None:
    """Get what pip cannot install: QEMU, erofs-utils, a guest kernel.

    Says what it will do and asks first. Does nothing, and quickly, when everything is there. What
    --kernel, --modules and --qemu name is remembered.
    """
    from ukrom.host import (  # noqa: PLC0415 - it would slow down --help
        Choices,
        find_cache,
        named_by_environment,
        remember,
        remembered,
        steps,
    )

    cache = find_cache()
    before = Choices() if forget else remembered(cache)
    named = Choices(qemu=qemu, kernel=kernel, modules=modules)
    chosen = named.over(named_by_environment()).over(before)
    _carry_out(steps(cache, chosen), yes=yes)
    if forget or named != Choices():
        remember(cache, named.over(before))
        click.echo(f"Remembered in {cache.root / 'settings.json'}.")
    _report(cache, chosen)


def _carry_out(todo: list[Step], *, yes: bool) -> None:
    if not todo:
        return
    click.echo("ukrom setup will:")
    for number, step in enumerate(todo, 1):
        click.echo(f"  {number}. {step.what}")
    if not yes:
        if not sys.stdin.isatty():
            refusal = "Nothing was done: the input is no terminal, so nobody can be asked."
            raise click.ClickException(f"{refusal}\nRun `ukrom setup --yes`.")
        click.confirm("Go on?", default=True, abort=True)
    for number, step in enumerate(todo, 1):
        click.echo(f"== {number}. {step.what}")
        step.do()


def _report(cache: Cache, chosen: Choices) -> None:
    from ukrom.host import accelerator, agent_binary, find_kernel, find_qemu  # noqa: PLC0415

    qemu = find_qemu(cache, chosen.qemu)
    kernel = find_kernel(cache, chosen)
    agent_binary()
    fastest = accelerator(qemu, cache, kernel)
    click.echo(f"Ready: QEMU {qemu.version}, guest kernel {kernel.release}, accelerator {fastest.name}.")
