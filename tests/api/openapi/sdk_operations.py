"""What the official SDK's generated layer can ask for, learned by calling it."""

from __future__ import annotations

import contextlib
import inspect
import pkgutil
import typing
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import unquote


@dataclass(frozen=True)
class SdkOperation:
    api: str
    name: str
    method: str
    path: str
    query: tuple[str, ...]
    body: object
    answer: object

    def __str__(self):
        return f"{self.api}: {self.method} {self.path}"


def operations():
    """Find every operation of the two APIs."""
    return [
        _recorded(api, client, name)
        for api in ("platform", "controlplane")
        for client in _clients(api)
        for name, _ in inspect.getmembers(client, inspect.isfunction)
        if name in vars(client)
    ]


def _clients(api):
    package = import_module(f"unikraft_cloud.api.{api}")
    for module in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        held = import_module(f"{package.__name__}.{module}")
        for _, client in inspect.getmembers(held, inspect.isclass):
            if client.__module__ == held.__name__ and hasattr(client, "request"):
                yield client


def _recorded(api, client, name):
    said = {}

    class Recorder(client):
        def __init__(self):
            """No connection."""

        async def request(self, model, **arguments):
            said.update(arguments, model=model)

        def stream(self, model, **arguments):
            said.update(arguments, model=model)

    method = getattr(Recorder(), name)
    needed = {
        parameter.name: None if parameter.name == "body" else f"{{{parameter.name}}}"
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty
    }
    called = method(**needed)
    if inspect.iscoroutine(called):
        with contextlib.suppress(StopIteration):
            called.send(None)
    body = typing.get_type_hints(getattr(client, name)).get("body")
    query = tuple(said.get("query") or ())
    return SdkOperation(api, name, said["method"], unquote(said["path"]), query, body, said["model"])
