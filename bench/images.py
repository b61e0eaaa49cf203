"""Times of building ROMs and base images. Run: `python bench/images.py`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from measure import machine, median_ms, table

from ukrom import roms
from ukrom.images import ImageStore, build_python_image

FILES = 16
FILE_SIZE = 65536


def rom_rows(folder: Path) -> list[tuple[str, float, str]]:
    """Time ROMs of 1 MiB in 16 files."""
    content = {f"file{i:02}.bin": os.urandom(FILE_SIZE) for i in range(FILES)}
    source = folder / "fs"
    source.mkdir()
    for name, data in content.items():
        (source / name).write_bytes(data)
    roms.build(content)
    return [
        ("ROM from a mapping, 16 files, 1 MiB", median_ms(lambda: roms.build(content), 20), "10"),
        ("ROM from a directory, 16 files, 1 MiB", median_ms(lambda: roms.build(source), 20), ""),
        ("ROM from a mapping, CPIO", median_ms(lambda: roms.build(content, "cpio"), 20), ""),
    ]


def image_rows(folder: Path) -> list[tuple[str, float, str]]:
    """Time a Python base image: nothing there, a new script, nothing new."""
    store = ImageStore(folder / "blobs", folder / "run" / "index.json")
    script = folder / "server.py"

    def build() -> None:
        build_python_image(store, script, name="bench/python", cache=folder / "trees")

    def build_changed() -> None:
        script.write_text(f"print({os.urandom(8)!r})\n")
        build()

    script.write_text("print('first')\n")
    return [
        ("Python base image, empty cache", median_ms(build, 1), "15000"),
        ("Python base image, new script", median_ms(build_changed, 3), "2000"),
        ("Python base image, nothing new", median_ms(build, 20), "50"),
    ]


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="ukrom-bench-") as name:
        folder = Path(name)
        rows = [*rom_rows(folder), *image_rows(folder)]
    print(", ".join(f"{key}: {value}" for key, value in machine().items()))
    print(table([("what", "ms", "budget, ms"), *rows]))


if __name__ == "__main__":
    main()
