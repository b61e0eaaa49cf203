"""The tutorial's new form through the official SDK: one create, and all is there."""

import os

import httpx
import pytest
from unikraft_cloud import UnikraftCloud

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_one_create_brings_the_service_and_the_rom(base, rom1):
    async with UnikraftCloud(token=os.environ["UKC_TOKEN"], metro=os.environ["UKC_METRO"]) as cloud:
        created = await cloud.instances.create(
            name="test-http-python-rom1",
            image=base,
            memory_mb=512,
            autostart=True,
            timeout_s=120,
            roms=[{"name": "python_function.py", "image": rom1.image, "at": "/rom"}],
            service_group={
                "services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}],
                "domains": [{"name": "test-http-python-rom1"}],
            },
        )
        assert created.state == "running"

        (rom,) = (await cloud.instances.get(name="test-http-python-rom1")).roms
        assert (rom.name, rom.at) == ("python_function.py", "/rom")
        assert rom.image.startswith(f"oci://unikraft.io/{rom1.image}@sha256:")

        async with httpx.AsyncClient(timeout=120) as client:
            answer = await client.get("https://test-http-python-rom1.fra.unikraft.app")
        print(answer.text, end="")
        assert (answer.status_code, answer.text) == (200, "Hi from 1st ROM!\n")
