"""Pinned images, and the legacy ways to read one (specification, B.6, C.11)."""

from __future__ import annotations

import httpx
import pytest
from unikraft_cloud import UnikraftCloudError

from ukrom.api import AsyncInProcessTransport

from .conftest import IMAGE
from .doors import METRO_URL
from .refusals import refused

pytestmark = pytest.mark.anyio

GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.mark.covers("POST /v1/images", kind="change")
@pytest.mark.covers("DELETE /v1/images", kind="change")
async def test_image_is_pinned_until_it_is_unpinned(platform):
    pinned = await platform.images.pin_images(body=[{"url": IMAGE, "timeout_s": -1}])
    (pin,) = pinned.data.images
    during = await platform.images.get_images(tag=IMAGE)
    unpinned = await platform.images.unpin_images(body=[{"uuid": pin.uuid}])
    after = await platform.images.get_images(tag=IMAGE)

    assert (pin.state, pin.persistent) == ("ready", True)
    assert [image.persistent for image in during.data.images] == [True]
    assert unpinned.data.images[0].uuid == pin.uuid
    assert [image.persistent for image in after.data.images] == [None]


@pytest.mark.covers("POST /v1/images", kind="refusal")
async def test_image_that_is_not_there_is_not_pinned(platform):
    answer = await platform.images.pin_images(body=[{"url": "org/no-such-image:1", "timeout_s": 5}])
    (item,) = answer.data.images

    assert (answer.status, item.uuid, item.url) == ("error", None, None)
    assert item.message


@pytest.mark.covers("POST /v1/images", kind="refusal")
@pytest.mark.parametrize("fields", [{}, {"timeout_s": 0}, {"timeout_s": 5, "pull_policy": "sometimes"}])
async def test_pin_needs_a_timeout_and_a_known_policy(raw, fields):
    envelope = await raw("POST", "/images", [{"url": IMAGE, **fields}], status=400)

    assert envelope["status"] == "error"


@pytest.mark.covers("DELETE /v1/images", kind="refusal")
async def test_pin_that_is_not_there_is_not_found(platform):
    assert await refused(platform.images.unpin_images(body=[{"uuid": GHOST}]))


@pytest.mark.covers("DELETE /v1/images", kind="refusal")
async def test_pins_have_no_names(platform):
    with pytest.raises(UnikraftCloudError) as caught:
        await platform.images.unpin_images(body=[{"name": "app"}])

    assert caught.value.status == 400


@pytest.mark.covers("GET /v1/images/tag/{tag}", kind="change")
@pytest.mark.covers("GET /v1/images/digest/{digest}", kind="change")
async def test_legacy_paths_name_one_image(raw, platform):
    (image,) = (await platform.images.get_images(tag=IMAGE)).data.images
    digest = image.url.partition("@")[2]
    by_digest = await raw("GET", f"/images/digest/{digest}")
    by_tag = await raw("GET", f"/images/tag/{IMAGE}")

    assert image.url in {found["url"] for found in by_digest["data"]["images"]}
    assert [found["url"] for found in by_tag["data"]["images"]] == [image.url]


@pytest.mark.covers("GET /v1/images/digest/{digest}", kind="refusal")
@pytest.mark.parametrize("digest", ["xx", "sha256:xyz"])
async def test_legacy_path_of_no_digest_is_refused(raw, digest):
    envelope = await raw("GET", f"/images/digest/{digest}", status=400)

    assert envelope["message"].startswith(f"Invalid 'digest' '{digest}'")


@pytest.mark.covers("GET /v1/images/tag/{tag}", kind="refusal")
@pytest.mark.covers("GET /v1/images/digest/{digest}", kind="refusal")
@pytest.mark.parametrize("path", [f"/images/tag/{IMAGE}", f"/images/digest/sha256:{'ab' * 32}"])
async def test_legacy_paths_are_for_reading_alone(raw, path):
    assert "is not valid" in (await raw("DELETE", path, status=405))["message"]


@pytest.mark.covers("GET /v1/images/tag/{tag}", kind="refusal")
@pytest.mark.through("transport")
async def test_legacy_path_is_closed_to_nobody_without_a_token(emulator):
    async with httpx.AsyncClient(transport=AsyncInProcessTransport(emulator.api)) as nobody:
        answer = await nobody.get(f"{METRO_URL}/v1/images/tag/{IMAGE}")

    assert answer.status_code == 401


async def test_legacy_paths_of_nothing_list_nothing(raw):
    assert (await raw("GET", f"/images/digest/sha256:{'ab' * 32}"))["data"]["images"] == []
    assert (await raw("GET", "/images/tag/org/no-such-image:1"))["data"]["images"] == []
