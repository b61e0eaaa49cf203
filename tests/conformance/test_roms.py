"""ROMs of instances (specification, C.5 and Part E)."""

from __future__ import annotations

import pytest

from .conftest import IMAGE, ROM_IMAGE

pytestmark = pytest.mark.anyio


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_rom_images_are_read_back_pinned(ukc):
    made = await ukc.instances.create(image=IMAGE, roms=[{"name": "cfg", "image": ROM_IMAGE, "at": "/cfg"}])
    (rom,) = made.roms

    assert (rom.name, rom.at, rom.files) == ("cfg", "/cfg", None)
    assert "@sha256:" in rom.image


@pytest.mark.covers("POST /v1/instances", kind="change")
async def test_inline_rom_is_read_back_as_a_uuid(ukc):
    made = await ukc.instances.create(
        image=IMAGE, roms=[{"name": "cfg", "files": [{"path": "a.txt", "data": "A"}]}]
    )

    assert len(made.roms[0].image) == 36


@pytest.mark.covers("POST /v1/instances", kind="refusal")
@pytest.mark.parametrize(
    ("roms", "code"),
    [
        ([{"name": f"r{n}", "image": ROM_IMAGE} for n in range(9)], 5),
        ([{"name": "r", "files": [{"path": f"{n}", "data": ""} for n in range(17)]}], 5),
        ([{"name": "r", "image": ROM_IMAGE, "files": [{"path": "a", "data": ""}]}], 17),
        ([{"name": "r"}], 7),
        ([{"name": "r", "image": ROM_IMAGE}] * 2, 23),
        ([{"name": "r", "image": ROM_IMAGE, "at": "rom"}], 7),
        ([{"name": "r", "files": [{"path": "a", "data": "a" * 1048577}]}], 22),
    ],
)
async def test_bad_roms_are_refused(platform, roms, code):
    answer = await platform.instances.create_instance(body={"image": IMAGE, "roms": roms})

    assert answer.status == "error"
    assert [item.error for item in answer.data.instances] == [code]
