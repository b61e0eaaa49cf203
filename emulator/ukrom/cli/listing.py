"""What `ukrom cache ls` shows: the cache by purpose, its layers one by one."""

from __future__ import annotations

import json
import os
import re
import struct
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ukrom.host import PURPOSES, Fate, Holding, PruneWish, Tally, plan_pruning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ukrom.host import Cache, Purpose

__all__ = ["Layer", "Listing", "as_json", "by_purpose", "layers", "moment", "show", "size"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SHORT = 12
_LAST = int(datetime.max.replace(tzinfo=UTC).timestamp())

# The end of a layer's file, as `ukrom.qemu.layers.file` writes it. Reading a layer there means checking
# all of its memory, a tenth of a second for each; a listing needs only its document.
_TRAILER = struct.Struct("<QQ8s")
_MAGIC = b"UKRLAYR1"
_DOCUMENT_MOST = 1 << 20
_DIGEST = re.compile("sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Row:
    """What the cache holds for one purpose."""

    purpose: Purpose
    entries: int
    bytes: int
    used: float | None
    prune_entries: int
    """How many entries and remains `ukrom cache prune` would take."""
    prune_bytes: int


@dataclass(frozen=True, slots=True)
class Layer:
    """What a snapshot layer is of; None where its file does not tell."""

    digest: str
    level: int | None
    """1: a booted kernel. 2: an image mounted, too."""
    memory_mb: int | None
    vcpus: int | None
    image: str | None
    """The digest of the image's root file system."""
    bytes: int
    used: float


@dataclass(frozen=True, slots=True)
class Listing:
    """The cache, purpose by purpose."""

    holdings: Sequence[Holding]
    rows: tuple[Row, ...]
    bytes: int
    layers_limit: int

    @classmethod
    def of(cls, holdings: Sequence[Holding], layers_limit: int) -> Listing:
        """Sort what was found."""
        going = set(plan_pruning(holdings, PruneWish(), layers_limit))
        rows = tuple(_row(purpose, holdings, going) for purpose in PURPOSES)
        return cls(holdings, rows, Tally(holdings).size, layers_limit)


def layers(holdings: Iterable[Holding]) -> list[Layer]:
    """All layers, those that were used last first."""
    found = [entry for entry in holdings if entry.purpose.fate is Fate.LIMITED and entry.is_content]
    return [_layer(entry) for entry in sorted(found, key=lambda entry: entry.used, reverse=True)]


def as_json(cache: Cache, listing: Listing, layers: Iterable[Layer] | None) -> dict[str, Any]:
    """The listing for machines: sizes in bytes, times in UTC by ISO 8601."""
    report: dict[str, Any] = {
        "folder": str(cache.root),
        "bytes": listing.bytes,
        "layers_limit": listing.layers_limit,
        "purposes": [
            {
                "name": row.purpose.name,
                "what": row.purpose.what,
                "fate": row.purpose.fate.value,
                "entries": row.entries,
                "bytes": row.bytes,
                "used": None if row.used is None else moment(row.used),
                "prune": {"entries": row.prune_entries, "bytes": row.prune_bytes},
            }
            for row in listing.rows
        ],
    }
    if layers is not None:
        report["layers"] = [asdict(layer) | {"used": moment(layer.used)} for layer in layers]
    return report


def show(cache: Cache, listing: Listing, layers: Sequence[Layer] | None) -> None:
    """Print the listing for people."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - not for JSON
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)

    def table(titles: Iterable[str], numbers: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
        drawn = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for title in titles:
            drawn.add_column(title, overflow="fold", justify="right" if title in numbers else "left")
        for row in rows:
            drawn.add_row(*map(Text, row))
        console.print(drawn)

    rows = [_told(row) for row in listing.rows if row.entries or row.bytes or row.prune_entries]
    if rows:
        heads = ["", "number", "on disk", "last used", "prune takes", "what it is"]
        table(heads, ("number", "on disk"), rows)
        console.print()
    if layers:
        heads = ["layer", "level", "memory", "vcpus", "image", "on disk", "last used"]
        table(heads, ("level", "memory", "vcpus", "on disk"), map(_told_layer, layers))
        console.print()
    total = f"{size(listing.bytes)} in {cache.root}" if rows else f"There is nothing in {cache.root}"
    limit = f"layers may take {size(listing.layers_limit)} (UKROM_LAYERS_MB)"
    console.print(Text(f"{total}; {limit}."), soft_wrap=True)


def by_purpose(holdings: Iterable[Holding]) -> Iterator[tuple[str, int, int]]:
    """Name, number and bytes of those that there are of each purpose."""
    holdings = [entry for entry in holdings if entry.is_content or entry.size]  # not the mere locks
    for purpose in PURPOSES:
        found = [entry for entry in holdings if entry.purpose is purpose]
        if found:
            yield purpose.name, len(found), Tally(found).size


def size(count: int) -> str:
    """A number of bytes, for people."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def moment(seconds: float) -> str:
    """A time since the epoch as ISO 8601 has it, in UTC; a time that makes no sense is cut."""
    return datetime.fromtimestamp(min(max(0, int(seconds)), _LAST), UTC).isoformat()


def _row(purpose: Purpose, holdings: Iterable[Holding], going: set[Holding]) -> Row:
    found = [entry for entry in holdings if entry.purpose is purpose]
    content = [entry for entry in found if entry.is_content]
    gone = [entry for entry in found if entry in going]
    used = max((entry.used for entry in content), default=None)
    return Row(purpose, len(content), Tally(found).size, used, len(gone), Tally(gone).size)


def _told(row: Row) -> tuple[str, ...]:
    if row.prune_entries:
        prune = f"{row.prune_entries}, {size(row.prune_bytes)}"
    else:
        prune = "never" if row.purpose.fate is Fate.KEPT else "if asked"
    used = "" if row.used is None else _ago(row.used)
    return row.purpose.name, str(row.entries), size(row.bytes), used, prune, row.purpose.what


def _told_layer(layer: Layer) -> tuple[str, ...]:
    facts = (layer.level, f"{layer.memory_mb} MiB" if layer.memory_mb else None, layer.vcpus)
    image = (layer.image or "").removeprefix("sha256:")[:_SHORT]
    told = ["?" if fact is None else str(fact) for fact in facts]
    return layer.digest[:_SHORT], *told, image, size(layer.bytes), _ago(layer.used)


def _ago(seconds: float) -> str:
    minutes = max(0, int(time.time() - seconds)) // 60
    if minutes < 2:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def _layer(entry: Holding) -> Layer:
    path = entry.paths[0]
    of = _document(path)
    root = of.get("root")
    image = root[0] if isinstance(root, list) and root else None
    return Layer(
        digest=path.stem,
        level=None if not of else 1 if root is None else 2,
        memory_mb=_number(of.get("memory_mb")),
        vcpus=_number(of.get("vcpus")),
        image=image if isinstance(image, str) and _DIGEST.fullmatch(image) else None,
        bytes=entry.size,
        used=entry.used,
    )


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def _document(path: Path) -> dict[str, Any]:
    """What a layer is of, as it says itself; empty if it does not, or is gone."""
    try:
        descriptor = _open(path)
    except OSError:
        return {}
    try:
        end = os.fstat(descriptor).st_size - _TRAILER.size
        _, length, magic = _TRAILER.unpack(os.pread(descriptor, _TRAILER.size, max(0, end)))
        if magic != _MAGIC or not 0 < length <= min(end, _DOCUMENT_MOST):
            return {}
        of = json.loads(os.pread(descriptor, length, end - length))["of"]
        return of if isinstance(of, dict) else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError, struct.error):
        return {}
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open a file, and leave its time of access: it tells when an instance last started from it."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # only the owner may
        return os.open(path, flags)
