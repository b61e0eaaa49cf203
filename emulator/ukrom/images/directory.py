"""Base images out of any directory that holds a root file system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ukrom import roms
from ukrom.errors import ImageError
from ukrom.images.architectures import host_architecture, known_architecture
from ukrom.images.commands import check_command
from ukrom.images.references import Reference
from ukrom.images.rootview import RootView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ukrom.cloud.ports import Image
    from ukrom.images.store import ImageStore

__all__ = ["build_directory_image"]


def build_directory_image(
    store: ImageStore,
    path: str | Path,
    *,
    name: str,
    cmd: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    architecture: str | None = None,
) -> Image:
    """Build a base image of all that is below a directory; owners become root, modes stay.

    Args:
        store: Where the image goes.
        path: The directory that becomes the guest's root.
        name: Reference of the image.
        cmd: The command; if there is none, instances must bring their own.
        env: The application's environment.
        architecture: Of the programs in it; this machine's if not given.

    Raises:
        BadReference: The name is no reference.
        ImageError: The directory is missing or empty, or the command could not start in it.
        RomError: Something in it cannot be read.
        MissingTool: The machine lacks `mkfs.erofs`.
    """
    Reference.parse(name)
    root = Path(path)
    _check_directory(root)
    fits = host_architecture() if architecture is None else known_architecture(architecture)
    check_command(RootView(root.absolute()), cmd, env or {}, fits)
    with store.blobs.partial() as packed:
        roms.erofs.write_directory(root, packed)
        blob = store.adopt(packed, "erofs")
    return store.put_image(name, blob, "erofs", cmd, env, architecture=fits)


def _check_directory(root: Path) -> None:
    try:
        if next(root.iterdir(), None) is not None:
            return
        fault = "is empty"
    except FileNotFoundError:
        fault = "does not exist"
    except NotADirectoryError:
        fault = "is no directory"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    raise ImageError(
        f"The directory {str(root)!r} {fault}, so it cannot be an image.",
        remedy="Give a directory with a root file system in it: /usr, /bin and so on.",
    )
