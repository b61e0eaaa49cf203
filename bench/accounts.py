"""An emulator and the facade of one account in it, as the fixtures make them, without pytest."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_ukrom.facade import Ukrom
from ukrom import roms
from ukrom.cloud import Limits
from ukrom.emulator import Emulator, Settings
from ukrom.images import host_architecture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_ukrom.rom import Rom

__all__ = ["EXAMPLE", "PLENTY", "account", "empty_image", "example"]

EXAMPLE = Path(__file__).parent.parent / "examples" / "http-python-rom"


PLENTY = Limits(
    instances=16_384, live_vcpus=16_384, live_memory_mb=134_217_728, service_groups=16_384, services=16_384
)
"""What no benchmark uses up; the default quotas are those of an ordinary account."""


@contextmanager
def account(runner: Literal["qemu", "stub"], *, layers: bool = True, spares: bool = False) -> Iterator[Ukrom]:
    """An account whose instances `runner` boots; all of it is gone afterwards."""
    with Emulator(
        Settings(runner=runner, limits=PLENTY, layers=layers, spares=spares, warm_spares=spares)
    ) as emulator:
        opened = emulator.cloud.open_account("bench")
        ukrom = Ukrom(emulator, opened, lambda: None)
        try:
            yield ukrom
        finally:
            ukrom.close()
            emulator.reset(opened)


def example(ukrom: Ukrom) -> tuple[str, Rom]:
    """The base image and the first ROM of the example, built or found in the cache."""
    base = ukrom.python_image(
        EXAMPLE / "image/server.py",
        name="http-python",
        files={"/wrapper.sh": EXAMPLE / "image/wrapper.sh"},
    )
    return base, ukrom.build_rom(EXAMPLE / "rom1/fs", name="my-rom1")


def empty_image(ukrom: Ukrom) -> str:
    """A base image with next to nothing in it, for instances that are stubs."""
    store = ukrom.emulator.images
    with store.blobs.partial() as packed:
        packed.write_bytes(roms.build({"app": "#!/bin/sh\n"}))
        root = store.adopt(packed, "erofs")
    store.put_image(f"{ukrom.user}/empty", root, "erofs", ("/app",), {}, architecture=host_architecture())
    return f"{ukrom.user}/empty:latest"
