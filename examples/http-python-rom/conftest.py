"""One base image for both ways of the tutorial."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def base(ukrom):
    return ukrom.python_image(
        HERE / "image/server.py",
        name="http-python",
        files={"/wrapper.sh": HERE / "image/wrapper.sh"},
    )


@pytest.fixture
def rom1(ukrom):
    return ukrom.build_rom(HERE / "rom1/fs", name="my-rom1")


@pytest.fixture
def rom2(ukrom):
    return ukrom.build_rom(HERE / "rom2/fs", name="my-rom2")
