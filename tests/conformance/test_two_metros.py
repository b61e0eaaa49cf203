"""Metros are independent of each other; the SDK covers all at once (specification, A.8, Part H 17)."""

from __future__ import annotations

import pytest
from unikraft_cloud import AmbiguousRefError, NotFoundError, UnikraftCloud
from unikraft_cloud.core.errors import AlreadyExistsError

from ukrom.api import Api, AsyncInProcessTransport
from ukrom.cloud import Cloud, Settings, StubRunner

from .conftest import IMAGE
from .recording import Recording

pytestmark = pytest.mark.anyio


@pytest.fixture
def cloud(emulator):
    """A cloud of two metros, with the emulator's images."""
    cloud = Cloud(Settings(metros=("fra", "dal")), runner=StubRunner(), images=emulator.images)
    yield cloud
    cloud.close()


@pytest.fixture
async def both(cloud):
    """A client that was told no metro."""
    recording = Recording(AsyncInProcessTransport(Api(cloud)))
    async with UnikraftCloud(token="token", transport=recording) as client:
        yield client

    assert recording.faults == []


async def test_both_metros_are_discovered(both):
    metros = {metro.metro: metro.base_url for metro in await both.available_metros()}

    assert metros == {
        "fra": "https://api.fra.unikraft.cloud",
        "dal": "https://api.dal.unikraft.cloud",
    }


async def test_listing_merges_the_metros(both):
    for metro in ("fra", "dal"):
        await both.metro(metro).instances.create(image=IMAGE, name=f"in-{metro}")
    listed = await both.instances.list()

    assert {(one.metro, one.name) for one in listed} == {("fra", "in-fra"), ("dal", "in-dal")}


async def test_resource_is_found_in_whichever_metro_it_is(both):
    made = await both.metro("dal").instances.create(image=IMAGE, name="web")
    found = await both.instances.get(name="web")

    assert (found.uuid, found.metro) == (made.uuid, "dal")
    with pytest.raises(NotFoundError):
        await both.metro("fra").instances.get(name="web")


async def test_17_name_in_both_metros_is_ambiguous_for_one_and_fine_for_each(both):
    made = [await both.metro(metro).instances.create(image=IMAGE, name="web") for metro in ("fra", "dal")]
    with pytest.raises(AmbiguousRefError):
        await both.instances.get(name="web")
    each = await both.instances.each(name="web").all()

    assert {one.uuid for one in each} == {one.uuid for one in made}
    with pytest.raises(AlreadyExistsError):
        await both.metro("fra").instances.create(image=IMAGE, name="web")


async def test_bulk_call_goes_to_the_metro_of_each_reference(both):
    for metro in ("fra", "dal"):
        await both.metro(metro).instances.create(image=IMAGE, name=f"in-{metro}")
    deleted = await both.instances.delete(["in-fra", "in-dal"])

    assert {one.metro for one in deleted} == {"fra", "dal"}
    assert await both.instances.list() == []


async def test_quotas_are_those_of_each_metro(both):
    await both.metro("dal").instances.create(image=IMAGE)
    quotas = {quota.metro: quota.used.instances for quota in await both.users.quotas()}

    assert quotas == {"fra": 0, "dal": 1}


async def test_same_domain_label_is_another_name_in_each_metro(both):
    groups = [
        await both.metro(metro).services.create(
            name="site",
            services=[{"port": 443, "handlers": ["tls", "http"]}],
            domains=[{"name": "site"}],
        )
        for metro in ("fra", "dal")
    ]

    assert {group.domains[0].fqdn for group in groups} == {"site.fra.unikraft.app", "site.dal.unikraft.app"}
