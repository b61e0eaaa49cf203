"""Images: references, the store in which they lead somewhere, and base images made from this machine.

Follows images and clients, sections 1 and 2.1, and the specification, Part E.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ukrom.images.architectures import Architecture, host_architecture, known_architecture
from ukrom.images.directory import build_directory_image
from ukrom.images.programs import DEFAULT_PROGRAMS
from ukrom.images.references import Reference
from ukrom.images.store import ImageStore

if TYPE_CHECKING:
    from ukrom.images.python import build_python_image

__all__ = [
    "DEFAULT_PROGRAMS",
    "Architecture",
    "ImageStore",
    "Reference",
    "build_directory_image",
    "build_python_image",
    "host_architecture",
    "known_architecture",
]


def __getattr__(name: str) -> Any:
    """Load the builder of Python images when it is asked for: it takes 100 ms, the store does without."""
    if name != "build_python_image":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ukrom.images.python import build_python_image  # noqa: PLC0415

    return build_python_image
