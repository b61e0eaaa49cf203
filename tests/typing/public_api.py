"""What a user's annotations and calls come to; read by the type checker, never run."""

from __future__ import annotations

from typing import Any, assert_type

import httpx

from pytest_ukrom import Execution, Instance, InstanceFailed, Refused, Rom, RomAttachment, Ukrom
from ukrom.api import Fault
from ukrom.clock import VirtualClock


def facade(ukrom: Ukrom) -> None:
    """The fixtures."""
    assert_type(ukrom.url, str)
    assert_type(ukrom.token, str)
    assert_type(ukrom.metro, str)
    assert_type(ukrom.metros, tuple[str, ...])
    assert_type(ukrom.url_of("dal"), str)
    assert_type(ukrom.clock, VirtualClock)
    assert_type(ukrom.fail("start instances", code=10, times=None, rate=0.5), Fault)
    assert_type(ukrom.dump(), dict[str, Any])
    assert_type(ukrom.build_rom({"rom.py": "x = 1", "b": b"\0"}, name="rom"), Rom)
    assert_type(ukrom.python_image("server.py", name="app", packages=["httpx"], files={"/a": "b"}), str)
    assert_type(ukrom.image_from_dir("root", "app", cmd=["/app"]), str)
    assert_type(ukrom.run("app", roms=[{"name": "a", "image": "b"}], port=80, scale_to_zero={}), Instance)
    assert_type(ukrom.instance("one"), Instance)


def roms(rom: Rom) -> None:
    """ROMs."""
    assert_type(rom.image, str)
    assert_type(rom.size, int)
    assert_type(rom.attach("a", at="/rom"), RomAttachment)


def instances(instance: Instance) -> None:
    """Instances."""
    assert_type(instance.get("/"), httpx.Response)
    assert_type(instance.request("POST", "/", json={}), httpx.Response)
    assert_type(instance.client(), httpx.Client)
    assert_type(instance.async_client(), httpx.AsyncClient)
    assert_type(instance.read(), dict[str, Any])
    assert_type(instance.url, str)
    assert_type(instance.state, str)
    assert_type(instance.logs(), str)
    assert_type(instance.start().wait("running", timeout=1.5).stop(force=True), Instance)
    assert_type(instance.exec(["/bin/true"], env={"A": "b"}), Execution)
    assert_type(instance.exec(["/bin/true"]).exit_code, int)
    assert_type(instance.exec(["/bin/true"]).output, str)


def errors(refused: Refused, failed: InstanceFailed) -> None:
    """Errors."""
    assert_type(refused.code, int | None)
    assert_type(refused.message, str)
    assert_type(failed.console, str)
