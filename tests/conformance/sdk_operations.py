"""The operations of the official SDK: method, path and the model of the answer, read off its source.

The generated clients are regular: each method makes one `self.request(models.X, method=…, path=…)`.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

SURFACES = {
    "platform": "unikraft_cloud.api.platform",
    "controlplane": "unikraft_cloud.api.controlplane",
}


@dataclass(frozen=True)
class SdkOperation:
    """One generated method."""

    surface: str
    name: str
    method: str
    path: str
    """With `{uuid}` and the like where the method has an argument."""
    model: type[Any]

    def takes(self, method, path):
        """Whether a request is this operation."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path))
        return method == self.method and re.fullmatch(pattern, path) is not None


@cache
def operations():
    """Every operation, those without a placeholder first: `/instances/wait` is no UUID."""
    found = [
        operation
        for surface, package in SURFACES.items()
        for module in pkgutil.iter_modules(import_module(package).__path__)
        if module.name.endswith("_gen") and module.name != "models_gen"
        for operation in _of_module(surface, import_module(f"{package}.{module.name}"))
    ]
    return tuple(sorted(found, key=lambda operation: operation.path.count("{")))


def operation_of(surface, method, path):
    """The operation that a request is, or None: the SDK has no such."""
    fitting = (one for one in operations() if one.surface == surface and one.takes(method, path))
    return next(fitting, None)


def _of_module(surface, module):
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.AsyncFunctionDef):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _is_request(call.func):
                    said = {keyword.arg: keyword.value for keyword in call.keywords}
                    model = getattr(module.models, call.args[0].attr)
                    method = ast.literal_eval(said["method"])
                    yield SdkOperation(surface, node.name, method, _path(said["path"]), model)


def _is_request(function):
    return isinstance(function, ast.Attribute) and function.attr == "request"


def _path(node):
    if isinstance(node, ast.Constant):
        return node.value
    # An f-string, whose values are calls of `quote` with an argument of the method.
    parts = [
        part.value if isinstance(part, ast.Constant) else f"{{{part.value.args[0].id}}}"
        for part in node.values
    ]
    return "".join(parts)
