"""One base image, a ROM for each test, and a memory of what was seen in any worker."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def base(ukrom):
    return ukrom.python_image(HERE / "image/server.py", name="teller")


@pytest.fixture(scope="session")
def seen_folder(tmp_path_factory, request):
    """A folder that all workers of pytest-xdist share; without it, that of this process alone."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "seen"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def never_seen(seen_folder):
    """Check that no other test of this run, in whatever worker, was told the same."""

    def never_seen(kind, value):
        try:
            (seen_folder / f"{kind} {value}").open("x").close()
        except FileExistsError:
            pytest.fail(f"two instances have the same {kind}: {value}")

    return never_seen
