"""The table of operations: routing, validation and the shape of answers all follow from it.

An operation on items has a collection path and, where one item can be named in the path, a
`{uuid}` path; both lead to the same handler (specification, Parts A.12 and B).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from . import control_plane, instances, node, services
from .instance_models import (
    CreateInstance,
    DeleteInstance,
    LogInstance,
    StartInstance,
    StopInstance,
    WaitInstance,
)
from .selection import Bare
from .service_models import CreateGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Wire

__all__ = ["CONTROL_PLANE", "NOT_EMULATED", "PLATFORM", "Form", "Operation"]


class Form(Enum):
    """How an operation takes its items."""

    CREATE = "create"  # the body is one object to make, or an array of them
    READ = "read"  # items that are named, or else a listing
    ACT = "act"  # items that are named, with what to do to each
    DATA = "data"  # no items: the handler gives all of the data


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table."""

    name: str
    method: str
    paths: tuple[str, ...]
    """Without the `/v1`."""
    form: Form
    handler: Callable[..., Any]
    """CREATE: (call, order); ACT: (call, resource, said); READ and DATA: see `Form`."""
    model: type[Wire] = Bare
    """What the body holds for each item."""
    key: str = ""
    """Under which `data` holds the items."""
    find: Callable[..., Any] | None = None
    """ACT and READ: the resource that a reference means."""
    listed: Callable[..., Any] | None = None
    """READ: all resources, filtered."""
    brief: Callable[..., Any] | None = None
    """READ: how a listing shows a resource unless details are asked for."""


def _on_instances(
    name: str, method: str, verb: str, handler: Callable[..., Any], model: type[Wire]
) -> Operation:
    paths = (f"/instances{verb}", f"/instances/{{uuid}}{verb}")
    return Operation(name, method, paths, Form.ACT, handler, model, "instances", instances.find)


PLATFORM: tuple[Operation, ...] = (
    Operation(
        "create instances",
        "POST",
        ("/instances",),
        Form.CREATE,
        instances.create,
        CreateInstance,
        "instances",
    ),
    Operation(
        "read instances",
        "GET",
        ("/instances", "/instances/{uuid}"),
        Form.READ,
        instances.read,
        Bare,
        "instances",
        instances.find,
        instances.listed,
        instances.reference,
    ),
    _on_instances("delete instances", "DELETE", "", instances.delete, DeleteInstance),
    _on_instances("start instances", "PUT", "/start", instances.start, StartInstance),
    _on_instances("stop instances", "PUT", "/stop", instances.stop, StopInstance),
    _on_instances("wait for instances", "GET", "/wait", instances.wait, WaitInstance),
    _on_instances("read instance logs", "GET", "/log", instances.log, LogInstance),
    Operation(
        "create services", "POST", ("/services",), Form.CREATE, services.create, CreateGroup, "service_groups"
    ),
    Operation(
        "read services",
        "GET",
        ("/services", "/services/{uuid}"),
        Form.READ,
        services.read,
        Bare,
        "service_groups",
        services.find,
        services.listed,
        services.reference,
    ),
    Operation(
        "delete services",
        "DELETE",
        ("/services", "/services/{uuid}"),
        Form.ACT,
        services.delete,
        Bare,
        "service_groups",
        services.find,
    ),
    Operation("list images", "GET", ("/images", "/image-store"), Form.DATA, node.images),
    Operation("read quotas", "GET", ("/users/quotas", "/users/{uuid}/quotas"), Form.DATA, node.quotas),
    Operation("check health", "GET", ("/healthz",), Form.DATA, node.healthz),
)

CONTROL_PLANE: tuple[Operation, ...] = (
    Operation("list metros", "GET", ("/metros",), Form.DATA, control_plane.metros),
    Operation("list registry images", "GET", ("/images",), Form.DATA, control_plane.images),
    Operation("read authorization", "GET", ("/auth",), Form.DATA, control_plane.auth),
)

NOT_EMULATED: tuple[tuple[str, str], ...] = (
    # What the platform has and the emulator does not, yet: methods and path (Part B). A last `*`
    # stands for any rest.
    ("PATCH", "/instances"),
    ("PATCH", "/instances/{uuid}"),
    ("PUT", "/instances/suspend"),
    ("PUT", "/instances/{uuid}/suspend"),
    ("GET POST", "/instances/metrics"),
    ("GET POST", "/instances/{uuid}/metrics"),
    ("GET", "/instances/history"),
    ("GET", "/instances/{uuid}/history"),
    ("GET POST PATCH DELETE", "/instances/templates"),
    ("GET PATCH DELETE", "/instances/templates/{uuid}"),
    ("GET POST PATCH DELETE", "/instances/checkpoints"),
    ("GET", "/instances/checkpoints/history"),
    ("GET PATCH DELETE", "/instances/checkpoints/{uuid}"),
    ("GET", "/instances/checkpoints/{uuid}/history"),
    ("GET POST PUT PATCH DELETE HEAD", "/instances/{uuid}/plugins/*"),
    ("PATCH", "/services"),
    ("PATCH", "/services/{uuid}"),
    ("GET POST DELETE", "/services/autoscale"),
    ("GET POST DELETE", "/services/{uuid}/autoscale"),
    ("GET POST DELETE", "/services/{uuid}/autoscale/*"),
    ("GET POST PATCH DELETE", "/volumes"),
    ("GET POST PUT PATCH DELETE", "/volumes/*"),
    ("GET POST PUT DELETE", "/certificates"),
    ("GET PUT DELETE", "/certificates/{uuid}"),
    ("POST DELETE", "/images"),
    ("GET", "/images/*"),
    ("GET", "/audit"),
    ("POST", "/auth/*"),
    ("GET POST PATCH DELETE", "/nodes"),
    ("GET POST PATCH DELETE", "/nodes/*"),
)
