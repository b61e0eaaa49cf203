"""The table of operations: routing, validation, answers and documents all follow from it.

Each family's rows stand beside its handlers.
"""

from __future__ import annotations

from .handlers import (
    changes,
    control_plane,
    images,
    instances,
    metrics,
    node,
    services,
    templates,
    users,
    volumes,
)
from .operation import Form, Operation

__all__ = ["BUILDS_NOT_EMULATED", "CONTROL_PLANE", "NOT_EMULATED", "PLATFORM", "Form", "Operation"]

PLATFORM: tuple[Operation, ...] = (
    *instances.OPERATIONS,
    *metrics.OPERATIONS,
    *templates.OPERATIONS,
    *services.OPERATIONS,
    *volumes.OPERATIONS,
    *images.OPERATIONS,
    *changes.OPERATIONS,
    *users.OPERATIONS,
    *node.OPERATIONS,
)

CONTROL_PLANE: tuple[Operation, ...] = control_plane.OPERATIONS

NOT_EMULATED: tuple[tuple[str, str], ...] = (
    # What the platform has and the emulator does not, yet: methods and path (Part B). A last `*`
    # stands for any rest.
    ("GET POST PATCH DELETE", "/instances/checkpoints"),
    ("GET", "/instances/checkpoints/history"),
    ("GET PATCH DELETE", "/instances/checkpoints/{uuid}"),
    ("GET", "/instances/checkpoints/{uuid}/history"),
    ("GET POST PUT PATCH DELETE HEAD", "/instances/{uuid}/plugins/*"),
    ("GET POST DELETE", "/services/autoscale"),
    ("GET POST DELETE", "/services/{uuid}/autoscale"),
    ("GET POST DELETE", "/services/{uuid}/autoscale/*"),
    ("GET POST PUT DELETE", "/certificates"),
    ("GET PUT DELETE", "/certificates/{uuid}"),
    ("GET", "/audit"),
    ("POST", "/auth/*"),
    ("GET POST PATCH DELETE", "/nodes"),
    ("GET POST PATCH DELETE", "/nodes/*"),
)

BUILDS_NOT_EMULATED: tuple[tuple[str, str], ...] = (
    # The same of the build service (Part B.9), for documents: its host answers all requests alike.
    ("GET POST", "/builds"),
    ("GET DELETE", "/builds/{id}"),
    ("POST", "/builds/{id}/cancel"),
    ("GET", "/builds/{id}/logs"),
)
