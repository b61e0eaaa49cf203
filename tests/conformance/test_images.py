"""Images of the metro and of the registry (specification, B.6, B.8, C.11)."""

from __future__ import annotations

import pytest
from unikraft_cloud import UnikraftCloud, UnikraftCloudError
from unikraft_cloud.core.errors import AuthenticationError

from ukrom.api import AsyncInProcessTransport

from .conftest import IMAGE, ROM_IMAGE

pytestmark = pytest.mark.anyio


@pytest.mark.covers("GET /v1/images", kind="change")
async def test_images_of_the_metro_tell_roms_from_others(ukc):
    (image,) = await ukc.images.list(tag=IMAGE)
    (rom,) = await ukc.images.list(tag=ROM_IMAGE)

    assert IMAGE.rpartition(":")[0] in image.url
    assert (image.initrd_or_rom, rom.initrd_or_rom) == (False, True)
    assert image.size_in_bytes > 0


@pytest.mark.covers("GET /v1/image-store", kind="change")
async def test_image_store_lists_the_same(platform):
    known = await platform.images.get_images()
    stored = await platform.images.get_image_store()

    assert {image.url for image in stored.data.images} <= {image.url for image in known.data.images}


async def test_filter_that_fits_nothing_gives_no_image(ukc, fresh):
    assert await ukc.images.list(tag=f"org/{fresh('nope')}:1") == []


@pytest.mark.covers("GET /v1/images", kind="refusal")
async def test_filter_that_nothing_has_is_refused(platform):
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.images.get_images(body=[{"colour": "red"}])

    assert caught.value.status == 400


@pytest.mark.covers("GET /v1/images", kind="refusal")
@pytest.mark.covers("GET /v1/image-store", kind="refusal")
@pytest.mark.parametrize("digest", ["xx", "sha256", "sha256:", "sha256:xyz", "ab:cd:ef"])
async def test_digest_of_the_wrong_form_is_refused(platform, digest):
    for read in (platform.images.get_images, platform.images.get_image_store):
        for asked in ({"digest": digest}, {"body": [{"digest": digest}]}):
            with pytest.raises(UnikraftCloudError) as caught:
                await read(**asked)

            assert caught.value.status == 400


@pytest.mark.covers("GET controlplane/v1/images", kind="change")
async def test_registry_knows_the_image_and_its_size(ukc):
    found = await ukc.images.find(IMAGE)

    assert found.reference == IMAGE
    assert found.digest.startswith("sha256:")
    assert found.size > 0


async def test_unknown_namespace_lists_nothing(ukc, fresh):
    assert not await ukc.images.exists(f"{fresh('nobody')}/app:1")


@pytest.mark.covers("GET controlplane/v1/images", kind="refusal")
@pytest.mark.through("transport")
async def test_registry_is_shown_to_nobody_without_a_token(emulator):
    async with UnikraftCloud(transport=AsyncInProcessTransport(emulator.api)) as client:
        with pytest.raises(AuthenticationError):
            await client.images.find(IMAGE)


@pytest.mark.covers("GET controlplane/v1/images", kind="refusal")
@pytest.mark.through("http")
async def test_details_of_the_registry_are_wanted_or_not(raw):
    # Under its own address the emulator has both APIs; this parameter says that the control plane is meant.
    envelope = await raw("GET", "/images?namespace=org&details=maybe", status=400)

    assert envelope["message"].startswith("Invalid 'details' 'maybe'")


async def test_image_is_there_by_each_of_its_tags(ukc, emulator):
    emulator.images.put_rom("org/tagged:1", bytes(4096), "raw")
    emulator.images.put_rom("org/tagged:2", bytes(4096), "raw")
    (image,) = await ukc.images.list(tag="org/tagged:2")

    assert image.tags == ["1", "2"]
    assert await ukc.images.exists("org/tagged:1")
    assert await ukc.images.exists("org/tagged:2")
    assert not await ukc.images.exists("org/tagged:3")
