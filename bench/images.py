"""Times of building ROMs and base images."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench.measure import Figure, Section, median_ms
from ukrom import roms
from ukrom.cloud import InlineFile
from ukrom.images import ImageStore, build_python_image

__all__ = ["measure"]

FILES = 16
FILE_SIZE = 65536


def measure() -> Section:
    """Build in a folder of its own, so that nothing is there at first."""
    with tempfile.TemporaryDirectory(prefix="ukrom-bench-") as name:
        folder = Path(name)
        store = ImageStore(folder / "blobs", folder / "run" / "index.json")
        figures = [*_roms(folder, store), *_base_images(folder, store)]
    notes = ("An inline ROM is packed by `mkfs.erofs` for now; the same files are packed once.",)
    return Section("ROMs and base images", figures, notes)


def _roms(folder: Path, store: ImageStore) -> list[Figure]:
    content = {f"file{i:02}.bin": os.urandom(FILE_SIZE) for i in range(FILES)}
    source = folder / "fs"
    source.mkdir()
    for name, data in content.items():
        (source / name).write_bytes(data)

    def inline() -> None:
        store.pack_inline([InlineFile(path, data) for path, data in fresh().items()])

    def fresh() -> dict[str, bytes]:
        return {**content, "file00.bin": os.urandom(8) + content["file00.bin"][8:]}

    return [
        Figure("Inline ROM, 16 files, 1 MiB, into the store", median_ms(inline, 20, warm_up=2), budget=10),
        Figure("ROM from a mapping, 16 files, 1 MiB", median_ms(lambda: roms.build(content), 20, warm_up=2)),
        Figure("ROM from a directory, 16 files, 1 MiB", median_ms(lambda: roms.build(source), 20)),
        Figure("ROM from a mapping, CPIO", median_ms(lambda: roms.build(content, "cpio"), 20)),
    ]


def _base_images(folder: Path, store: ImageStore) -> list[Figure]:
    script = folder / "server.py"

    def build() -> None:
        build_python_image(store, script, name="bench/python", cache=folder / "trees")

    def build_changed() -> None:
        script.write_text(f"print({os.urandom(8)!r})\n")
        build()

    script.write_text("print('first')\n")
    first = median_ms(build, 1)
    size = max(blob.stat().st_size for blob in (folder / "blobs").rglob("*") if blob.is_file()) / 2**20
    return [
        Figure("Python base image, empty cache", first, budget=15_000),
        Figure("Python base image, new script", median_ms(build_changed, 3)),
        Figure("Python base image, nothing new", median_ms(build, 20)),
        Figure("Python base image, size", size, "MiB"),
    ]
