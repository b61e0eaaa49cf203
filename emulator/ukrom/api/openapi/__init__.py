"""The OpenAPI 3.1 document, made of the table of operations and the shapes of answers."""

from __future__ import annotations

from .document import document
from .row import Row

__all__ = ["Row", "document"]
