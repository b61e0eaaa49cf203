"""A hundred ROMs under test, an instance for each: `pytest --ukrom -n 2 examples/hundred-roms`.

Every instance starts from the same snapshot of the base image, so it is up in a moment; and every one is
a fresh instance: its own ROM, process, random numbers, time and files.
"""

import time
import uuid

import pytest

UNIQUE = ("boot_id", "kernel_random", "python_random", "hash_seed")


@pytest.mark.parametrize("number", range(100))
def test_instance_is_fresh_and_has_its_own_rom(ukrom, base, never_seen, number):
    nonce = f"{number}-{uuid.uuid4()}"
    rom = ukrom.build_rom({"nonce": nonce}, name=f"nonce-{number}")
    asked = time.time()

    instance = ukrom.run(base, name=f"teller-{number}", roms=[rom.attach("nonce", at="/rom")], port=8080)
    told = instance.get("/").json()

    assert told["nonce"] == nonce
    assert told["hostname"] == f"teller-{number}"
    assert told["files"] == []
    assert asked - 1 < told["started"] <= told["now"]
    assert abs(told["now"] - time.time()) < 2
    for kind in UNIQUE:
        never_seen(kind, told[kind])
