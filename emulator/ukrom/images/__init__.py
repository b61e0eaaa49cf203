"""Images: references, the store in which they lead somewhere, and base images made from this machine.

Follows images and clients, sections 1 and 2.1, and the specification, Part E.6.
"""

from __future__ import annotations

from ukrom.images.architectures import Architecture, host_architecture, known_architecture
from ukrom.images.directory import build_directory_image
from ukrom.images.programs import DEFAULT_PROGRAMS
from ukrom.images.python import build_python_image
from ukrom.images.references import Reference
from ukrom.images.store import ImageStore

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
