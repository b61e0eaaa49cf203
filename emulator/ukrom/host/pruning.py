"""Removing from the cache: what goes for which wish, and how it goes whole."""

from __future__ import annotations

import contextlib
import shutil
import stat
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ukrom.host.cache import IN_USE
from ukrom.host.holdings import Fate, Holding, Kind, Tally, find_holdings, holding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ukrom.host.cache import Cache

__all__ = ["PruneWish", "Pruned", "plan_pruning", "prune_cache"]

_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class PruneWish:
    """What is to be removed, beside remains, layers above their limit and old initramfs files."""

    max_size: int | None = None
    """Bytes that all but what `ukrom setup` brought may take."""
    unused_for_s: float | None = None
    """What was not used for so many seconds goes."""
    layers: bool = False
    """All layers go, and nothing else."""
    everything: bool = False
    """All goes but what `ukrom setup` brought, and the claims of running VMs."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What came of it; of a dry run, what would."""

    removed: tuple[Holding, ...] = ()
    room: int = 0
    """Bytes that it made."""
    left: int = 0
    """Bytes that the cache takes now, all in all."""
    in_use: bool = False
    """Whether an emulator runs, so that nothing but layers could go."""
    postponed: tuple[Holding, ...] = ()
    """What would go, if none ran."""
    excess: int = 0
    """Bytes by which the cache is still larger than was wished."""
    failures: tuple[tuple[Path, str], ...] = ()
    """What could not be removed, and why."""


def prune_cache(cache: Cache, wish: PruneWish, layers_limit: int, *, dry_run: bool = False) -> Pruned:
    """Remove from a cache what goes by a wish.

    While an emulator runs on the cache, only layers go: machines keep the memory of theirs.

    Args:
        cache: It need not be there.
        wish: What is to go.
        layers_limit: Bytes that layers may take.
        dry_run: Only tell what would go.

    Raises:
        SettingsError: The cache cannot be read or written.
    """
    if not cache.root.exists():
        return Pruned()
    with _alone(cache, wish, dry_run=dry_run) as alone:
        entries = find_holdings(cache)
        wanted = plan_pruning(entries, wish, layers_limit)
        going = wanted if alone else plan_pruning(entries, wish, layers_limit, in_use=True)
        removed, failures = (going, []) if dry_run else _remove(going)
    gone, due = set(removed), set(going)
    staying = [entry for entry in entries if entry not in gone]
    left = Tally(staying).size
    most = wish.max_size
    return Pruned(
        removed=tuple(removed),
        room=Tally(entries).size - left,
        left=left,
        in_use=not alone,
        postponed=tuple(entry for entry in wanted if entry not in due),
        excess=0 if most is None else max(0, Tally(filter(_counts, staying)).size - most),
        failures=tuple(failures),
    )


def plan_pruning(
    entries: Iterable[Holding], wish: PruneWish, layers_limit: int, *, in_use: bool = False
) -> list[Holding]:
    """What goes by a wish, in the order in which it goes.

    Args:
        entries: All that is there.
        wish: What is to go.
        layers_limit: Bytes that layers may take.
        in_use: Whether an emulator runs, so that only layers may go.
    """
    entries = sorted(entries, key=_order)
    free = [entry for entry in entries if _may_go(entry) and (not in_use or _is_layer(entry))]
    layers = [entry for entry in free if _is_layer(entry) and entry.is_content]
    if wish.layers:
        return layers
    if wish.everything:
        return [entry for entry in free if entry.kind is not Kind.WRITING or entry.lock is None]
    now = time.time()
    going = {entry for entry in free if entry.kind is Kind.LEFTOVER}
    going.update(_old_initramfs(free, now), _until_fits(layers, layers, layers_limit))
    contents = [entry for entry in free if entry.is_content]
    if wish.unused_for_s is not None:
        going.update(entry for entry in contents if entry.used < now - wish.unused_for_s)
    if wish.max_size is not None:
        staying = [entry for entry in entries if _counts(entry) and entry not in going]
        going.update(_until_fits(staying, [entry for entry in contents if entry not in going], wish.max_size))
    return [entry for entry in free if entry in going]


def _alone(cache: Cache, wish: PruneWish, *, dry_run: bool) -> AbstractContextManager[bool]:
    # Layers may go at any time; and a dry run changes nothing, not even by the lock's file.
    if wish.layers or (dry_run and not (cache.root / IN_USE).exists()):
        return nullcontext(enter_result=True)
    return cache.alone()


def _order(entry: Holding) -> tuple[bool, bool, float]:
    """Remains first, since others may need their names; then what was not used for longest."""
    return entry.is_content, entry.purpose.fate is Fate.MEASURED, entry.used


def _is_layer(entry: Holding) -> bool:
    return entry.purpose.fate is Fate.LIMITED


def _may_go(entry: Holding) -> bool:
    return entry.purpose.fate is not Fate.KEPT or entry.kind is Kind.LEFTOVER


def _counts(entry: Holding) -> bool:
    return entry.purpose.fate is not Fate.KEPT


def _old_initramfs(entries: Iterable[Holding], now: float) -> list[Holding]:
    """Those of former kernels and agents. One too many costs its packing: some milliseconds."""
    files = [entry for entry in entries if entry.purpose.name == "initramfs" and entry.is_content]
    return [entry for entry in files[:-1] if entry.used < now - _DAY_S]


def _until_fits(counted: Iterable[Holding], candidates: Iterable[Holding], limit: int) -> list[Holding]:
    """The first of the candidates, until all that counts fits without them."""
    tally, going = Tally(counted), []
    for entry in candidates:
        if tally.size <= limit:
            break
        tally.remove(entry)
        going.append(entry)
    return going


def _remove(entries: Iterable[Holding]) -> tuple[list[Holding], list[tuple[Path, str]]]:
    removed, failures = [], []
    for entry in entries:
        try:
            if _remove_one(entry):
                removed.append(entry)
        except OSError as error:
            failures.append((entry.paths[0], error.strerror or str(error)))
    return removed, failures


def _remove_one(entry: Holding) -> bool:
    """Remove an entry, and its lock; False if somebody is at it."""
    with holding(entry.lock) as free:
        is_layer = _is_layer(entry) and entry.is_content
        if not free and not is_layer:
            return False
        for path in entry.paths:
            _delete(path)
        if free and entry.lock is not None and entry.is_content:
            _delete(entry.lock)
    return True


def _delete(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        if not path.name.startswith("."):
            # Half a tree under its name would be taken for a whole one.
            aside = path.with_name(f".{path.name}.partial")
            _delete(aside)
            path = path.rename(aside)
        shutil.rmtree(path)
