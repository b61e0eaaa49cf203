"""The API keeps to its own document, whatever is sent: bounded, and the same in every run."""

from __future__ import annotations

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ukrom.api import CONTROL_PLANE, NOT_EMULATED, PLATFORM
from ukrom.api.openapi import document
from ukrom.emulator import Emulator, Settings

SCHEMA = schemathesis.openapi.from_dict(document((*PLATFORM, *CONTROL_PLANE), NOT_EMULATED))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
CHECKS = (content_type_conformance, response_schema_conformance, status_code_conformance)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UKROM_CACHE", str(tmp_path_factory.mktemp("cache")))
        with Emulator(Settings(runner="stub", seed=1)) as emulator:
            yield emulator


def test_document_that_is_tried_is_the_one_that_is_served(emulator):
    for base in ("", "/v1", "/dal/v1"):
        answer = httpx.get(f"http://127.0.0.1:{emulator.ingress.http_port}{base}/openapi.json")
        assert answer.json() == SCHEMA.raw_schema


def test_every_api_describes_itself_without_a_token(emulator):
    with emulator.door:
        platform, control_plane = (
            httpx.get(f"https://{host}.unikraft.cloud/openapi.json").json()["paths"].keys()
            for host in ("api.fra", "controlplane")
        )

    assert "/v1/instances" in platform
    assert "get" in SCHEMA.raw_schema["paths"]["/v1/metros"]
    assert "/v1/metros" in control_plane - platform


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_answers_are_those_of_the_document(emulator, operation):
    base = f"http://127.0.0.1:{emulator.ingress.http_port}"

    @settings(
        max_examples=10,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case):
        answer = case.call(base_url=base, headers={"authorization": "Bearer token"}, timeout=30)
        assert answer.status_code < 500 or answer.status_code == 501, answer.text
        case.validate_response(answer, checks=CHECKS)

    run()
