"""Base images out of the interpreter that runs the tests: no registry, no Docker.

Everything of this machine goes into trees of its own, made once and kept: the runtime, each
distribution, the set of programs. An image is those trees joined by hard links, with the user's
files on top.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ukrom.errors import ImageError
from ukrom.images.blobs import Blob
from ukrom.images.commands import DEFAULT_PATH
from ukrom.images.distributions import find_distributions
from ukrom.images.interpreter import inspect_interpreter
from ukrom.images.parts import GUEST_PYTHON, Parts, guest_script, user_entries
from ukrom.images.programs import DEFAULT_PROGRAMS, find_programs
from ukrom.images.references import Reference
from ukrom.images.rootfs import RootTree
from ukrom.images.trees import TreeCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ukrom.cloud.ports import Image
    from ukrom.images.store import ImageStore

__all__ = ["build_python_image"]

_RECORD = "python-image"

_DEFAULT_ENV = MappingProxyType(
    {
        "PATH": DEFAULT_PATH,
        # [choice] What an application printed before it died must be on the console.
        "PYTHONUNBUFFERED": "1",
    }
)


def build_python_image(  # noqa: PLR0913  each is a part of the image
    store: ImageStore,
    script: str | Path,
    *,
    name: str,
    cache: Path,
    packages: Iterable[str] = (),
    files: Mapping[str, str | bytes | Path] | None = None,
    programs: Iterable[str] = DEFAULT_PROGRAMS,
    cmd: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    interpreter: str | Path = sys.executable,
) -> Image:
    """Build a base image that runs a script; whatever was built before is reused.

    Args:
        store: Where the image goes.
        script: A Python file of this machine; the guest has it in `/src`.
        name: Reference of the image.
        cache: Folder for what images are made of; shared by all processes and runs.
        packages: Distributions of the interpreter's environment, by name or requirement; what they
            depend on comes along.
        files: Further content by absolute path in the guest: text, bytes, or a file or directory.
        programs: Programs of this machine, by name.
        cmd: The command; the script under `/usr/bin/python3` if not given.
        env: The application's environment, over defaults for `PATH` and `PYTHONUNBUFFERED`.
        interpreter: The Python to take; a virtual environment's leads to its base.

    Raises:
        BadReference: The name is no reference.
        HostNotSupported: A guest cannot run the Python or the machine code of this machine.
        ImageError: Something that was named is not there, or cannot go into an image.
        MissingTool: The machine lacks `mkfs.erofs`.
    """
    Reference.parse(name)
    python = inspect_interpreter(interpreter)
    parts = Parts(
        interpreter=python,
        packages=tuple(find_distributions(python, packages)),
        programs=find_programs(programs),
        entries=user_entries(Path(script), files or {}),
        script=guest_script(Path(script)),
        args=tuple(cmd) if cmd is not None else (GUEST_PYTHON, guest_script(Path(script))),
        env={**_DEFAULT_ENV, **(env or {})},
    )
    record = parts.key()
    image = _known(store, name, record)
    if image is None:
        trees = TreeCache(cache)
        with trees.lock(f"image-{record}"):
            image = _known(store, name, record) or _build(store, name, record, parts, trees)
    return image


def _known(store: ImageStore, name: str, record: str) -> Image | None:
    """Give an image that was built before a name, if its files are still whole."""
    index = store.blobs.recorded(_RECORD, record)
    if index is None:
        return None
    try:
        return store.tag(name, index.digest)
    except ImageError:  # swept away or damaged: build it again
        return None


def _build(store: ImageStore, name: str, record: str, parts: Parts, trees: TreeCache) -> Image:
    folder = trees.scratch(f"image-{record}")
    try:
        tree = RootTree(folder)
        parts.join(tree, trees)
        with store.blobs.partial() as packed:
            tree.pack(packed)
            root = store.adopt(packed, "erofs")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    architecture = parts.interpreter.architecture
    image = store.put_image(
        name, root, "erofs", parts.args, parts.env, architecture=architecture, warm=parts.warm
    )
    index = Blob(image.digest, store.blobs.path(image.digest).stat().st_size)
    store.blobs.record(_RECORD, record, index)
    return image
