"""The control plane: metros and accounts (specification, A.8, B.8)."""

from __future__ import annotations

import pytest
from unikraft_cloud import UnikraftCloud
from unikraft_cloud.core.errors import AuthenticationError

from ukrom.api import AsyncInProcessTransport

from .conftest import IMAGE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def everywhere(door, recording, token):
    """A client that was told no metro."""
    async with UnikraftCloud(
        token=token, control_plane_url=door.control_plane_url, transport=recording
    ) as client:
        yield client


@pytest.mark.covers("GET controlplane/v1/metros", kind="change")
async def test_metros_are_discovered(everywhere, asked):
    metros = await everywhere.available_metros()

    assert asked == ["GET /v1/metros"]
    assert "fra" in {metro.metro for metro in metros}
    assert all(metro.base_url.startswith("http") for metro in metros)


@pytest.mark.covers("GET controlplane/v1/metros", kind="change")
async def test_what_discovery_names_is_where_instances_are(everywhere, ukc, fresh):
    name = fresh()
    made = await ukc.instances.create(image=IMAGE, name=name)
    found = await everywhere.instances.get(name=name)

    assert found.uuid == made.uuid


@pytest.mark.covers("GET controlplane/v1/metros", kind="refusal")
@pytest.mark.through("transport")
async def test_metros_are_told_to_nobody_without_a_token(emulator):
    async with UnikraftCloud(transport=AsyncInProcessTransport(emulator.api)) as client:
        with pytest.raises(AuthenticationError):
            await client.available_metros()


@pytest.mark.covers("GET controlplane/v1/auth", kind="change")
async def test_token_belongs_to_an_organization(everywhere):
    answer = await everywhere.api.controlplane.auth.get_authorization()

    assert answer.data.organization_name
    assert len(answer.data.organization_uuid) == 36


@pytest.mark.covers("GET controlplane/v1/auth", kind="refusal")
@pytest.mark.through("transport")
async def test_nobody_has_no_organization(emulator):
    async with UnikraftCloud(transport=AsyncInProcessTransport(emulator.api)) as client:
        with pytest.raises(AuthenticationError):
            await client.api.controlplane.auth.get_authorization()
