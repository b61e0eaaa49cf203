from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ukrom.images.store import ImageStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "blobs"


@pytest.fixture
def store(tmp_path: Path, blobs: Path) -> ImageStore:
    return ImageStore(blobs, tmp_path / "run" / "index.json")
