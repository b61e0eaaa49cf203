"""ROMs as requests have them (specification, Parts C.5 and E.2)."""

from __future__ import annotations

from typing import Annotated, Literal

from ukrom.api.wire import Text, Wire, given
from ukrom.cloud import FileOrder, RomOrder

from .references import ImageField, image_order

__all__ = ["CreateRom", "InlineFile"]


class InlineFile(Wire):
    """A file of an inline ROM (Part C.5)."""

    path: str
    data: str
    encoding: Literal["text", "base64"] = "text"


class CreateRom(Wire):
    """A ROM (Part E.2)."""

    name: Text = None
    image: ImageField = None
    files: Annotated[list[InlineFile] | None, given("array")] = None
    at: Text = None

    def order(self) -> RomOrder:
        """Say it in the cloud's terms."""
        files = None
        if self.files is not None:
            files = tuple(FileOrder(file.path, file.data, file.encoding) for file in self.files)
        return RomOrder(self.name, image_order(self.image), files, self.at)
