from __future__ import annotations

import importlib
import pkgutil

import pytest
from pydantic import TypeAdapter, ValidationError

import ukrom.api.shapes

MODULES = sorted(module.name for module in pkgutil.iter_modules(ukrom.api.shapes.__path__))


def shapes():
    found = [getattr(ukrom.api.shapes, name) for name in ukrom.api.shapes.__all__]
    return [shape for shape in found if isinstance(shape, type) and hasattr(shape, "__total__")]


def test_public_names_are_there_and_unique():
    names = ukrom.api.shapes.__all__

    assert len(names) == len(set(names))
    assert all(hasattr(ukrom.api.shapes, name) for name in names)


@pytest.mark.parametrize("module", MODULES)
def test_every_shape_of_a_module_is_public(module):
    held = importlib.import_module(f"ukrom.api.shapes.{module}")

    assert set(held.__all__) <= set(ukrom.api.shapes.__all__)


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.__name__)
def test_every_shape_is_closed_and_documented(shape):
    assert shape.__doc__
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        TypeAdapter(shape).validate_python({"no such field": 1})
