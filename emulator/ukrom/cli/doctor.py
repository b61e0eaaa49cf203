"""`ukrom doctor`: what this machine has, what it lacks, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ukrom.cli.diagnosis import Diagnosis
    from ukrom.host import Cache

__all__ = ["verb"]


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_context
def verb(ctx: click.Context, *, as_json: bool) -> None:
    """Show what this machine has for running VMs, and what it lacks.

    The exit status is 1 if no VM can be booted.
    """
    from ukrom.cli.diagnosis import examine  # noqa: PLC0415 - it would slow down --help
    from ukrom.host import find_cache  # noqa: PLC0415

    cache = find_cache()
    diagnosis = examine(cache)
    if as_json:
        _print_json(diagnosis, cache)
    else:
        _print_table(diagnosis)
    ctx.exit(0 if diagnosis.ok else 1)


def _print_json(diagnosis: Diagnosis, cache: Cache) -> None:
    import json  # noqa: PLC0415
    from dataclasses import asdict  # noqa: PLC0415

    report = {
        "ok": diagnosis.ok,
        "findings": [asdict(finding) for finding in diagnosis.findings],
        "cache": {"folder": str(cache.root), "bytes": cache.size()},
        "next": diagnosis.next_step,
    }
    click.echo(json.dumps(report, indent=2))


def _print_table(diagnosis: Diagnosis) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for title in ("", "what", "found"):
        table.add_column(title, overflow="fold")
    for finding in diagnosis.findings:
        mark = Text("ok", "green") if finding.ok else Text("missing" if finding.needed else "no", "red")
        words = finding.found if finding.ok or not finding.remedy else f"{finding.found}\n{finding.remedy}"
        table.add_row(mark, finding.name, Text(words))
    console = Console(highlight=False)
    console.print(table)
    console.print(Text(f"Next: {diagnosis.next_step}"), soft_wrap=True)
