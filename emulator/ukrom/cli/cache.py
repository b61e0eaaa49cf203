"""`ukrom cache`: shows what the cache holds, and makes room in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ukrom.host import Pruned, PruneWish

__all__ = ["verb"]

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([KMG]?)", re.IGNORECASE)
_DAY_S = 86400.0
_DAYS_MOST = 1_000_000


def _bytes(text: str) -> int:
    """A number of bytes, or of KiB, MiB or GiB."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no size; 500M and 2G are.")
    return int(float(found[1]) * 1024 ** ("", "K", "M", "G").index(found[2].upper()))


@click.group("cache")
def verb() -> None:
    """Show what the cache holds, or make room in it."""


@verb.command("ls")
@click.option("--layers", "each_layer", is_flag=True, help="Show each snapshot layer, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def _ls(*, each_layer: bool, as_json: bool) -> None:
    """Show what the cache holds, and what prune would remove of it.

    The last use is exact for layers; of all else it is known to a day.
    """
    from ukrom.cli import listing  # noqa: PLC0415 - it would slow down --help
    from ukrom.host import find_cache, find_holdings, layers_limit  # noqa: PLC0415

    cache, limit = find_cache(), layers_limit()
    found = listing.Listing.of(find_holdings(cache), limit)
    layers = listing.layers(found.holdings) if each_layer else None
    if as_json:
        _print_json(listing.as_json(cache, found, layers))
    else:
        listing.show(cache, found, layers)


@verb.command("prune")
@click.option(
    "--max-size",
    type=_bytes,
    metavar="SIZE",
    help="Also what was not used for longest, until the cache fits into this: 500M, 2G.",
)
@click.option(
    "--older-than",
    type=click.IntRange(0, _DAYS_MOST),
    metavar="DAYS",
    help="Also what was not used for so many days.",
)
@click.option("--layers", is_flag=True, help="All snapshot layers, and nothing else.")
@click.option("--all", "everything", is_flag=True, help="All but what `ukrom setup` brought.")
@click.option("--dry-run", is_flag=True, help="Remove nothing, only say what would be.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def _prune(
    ctx: click.Context,
    *,
    max_size: int | None,
    older_than: int | None,
    layers: bool,
    everything: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove what is of no more use, and what is asked for.

    Without options: layers above their limit, remains of interrupted writes, the initramfs of former
    agents. What `ukrom setup` brought stays, and does not count for --max-size.

    While an emulator runs, only layers are removed; the room of those that VMs run from is free when
    these end. The exit status is 1 if something that was asked for could not be done.
    """
    from ukrom.host import PruneWish, find_cache, layers_limit, prune_cache  # noqa: PLC0415

    if layers + everything + (max_size is not None or older_than is not None) > 1:
        raise click.UsageError("--layers and --all go with no other choice of what to remove.")
    unused_for_s = None if older_than is None else older_than * _DAY_S
    wish = PruneWish(max_size, unused_for_s, layers=layers, everything=everything)
    pruned = prune_cache(find_cache(), wish, layers_limit(), dry_run=dry_run)
    if as_json:
        _print_json(_told(pruned, dry_run=dry_run))
    else:
        _tell(pruned, dry_run=dry_run)
    ctx.exit(0 if _is_done(pruned, wish) else 1)


def _is_done(pruned: Pruned, wish: PruneWish) -> bool:
    """Whether all went that was asked for; what goes unasked may wait for the next time."""
    asked = wish.everything or wish.unused_for_s is not None
    return not (pruned.failures or pruned.excess or (asked and pruned.postponed))


def _told(pruned: Pruned, *, dry_run: bool) -> dict[str, Any]:
    from ukrom.cli.listing import moment  # noqa: PLC0415

    return {
        "dry_run": dry_run,
        "removed": [
            {
                "purpose": entry.purpose.name,
                "path": str(entry.paths[0]),
                "bytes": entry.size,
                "used": moment(entry.used),
            }
            for entry in pruned.removed
        ],
        "bytes": pruned.room,
        "left": pruned.left,
        "excess": pruned.excess,
        "in_use": pruned.in_use,
        "postponed": [str(entry.paths[0]) for entry in pruned.postponed],
        "failures": [{"path": str(path), "why": why} for path, why in pruned.failures],
    }


def _tell(pruned: Pruned, *, dry_run: bool) -> None:
    from ukrom.cli.listing import by_purpose, size  # noqa: PLC0415

    did = "Would remove" if dry_run else "Removed"
    for name, count, taken in by_purpose(pruned.removed):
        click.echo(f"{did} from {name}: {count}, {size(taken)}.")
    if not pruned.removed:
        click.echo("Nothing is to be removed." if dry_run else "Nothing was removed.")
    else:
        made, takes = ("Room to be made", "would take") if dry_run else ("Room made", "takes")
        click.echo(f"{made}: {size(pruned.room)}; the cache {takes} {size(pruned.left)}.")
    if pruned.in_use:
        click.echo("An emulator is running, so nothing but layers can be removed.", err=True)
    for name, count, taken in by_purpose(pruned.postponed):
        click.echo(f"Left in {name} until it ends: {count}, {size(taken)}.", err=True)
    if pruned.excess:
        click.echo(f"The cache is still larger than asked for, by {size(pruned.excess)}.", err=True)
    for path, why in pruned.failures:
        click.echo(f"Not removed: {click.format_filename(path)}: {why}.", err=True)


def _print_json(report: dict[str, Any]) -> None:
    import json  # noqa: PLC0415

    click.echo(json.dumps(report, indent=2))
