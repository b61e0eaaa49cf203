"""Requests as the official SDK 0.3.0 sends them, through the synchronous doors: all answer alike."""

from __future__ import annotations

import itertools

import pytest

from .replaying import VECTORS, client, comparable, prepared, replay

# Resources that are not emulated yet: each of these says so.
LATER = ("certificates.", "audit.", "sandbox.", "plumbing.checkpoint_", "plumbing.autoscale_", "builds.")
# Requests that the platform would not grant to this account, and the codes of their items.
REFUSED = {
    "create.from_checkpoint": "checkpoints are not emulated",
    "services.create": "certificates are not emulated",
    "update.roms": "the ROM that it deletes is replaced before",
    "templates.prepare": "the template is missing at first",
    "discovery.bulk_delete": "one of two is missing",
    "discovery.get": "the second metro has no such instance",
    "discovery.suspend": "the second metro has no such instance",
}
_numbers = itertools.count(1)


def answers(emulator, door, vector):
    """What a new account gets through a door."""
    account = emulator.cloud.open_account(f"replay{next(_numbers)}")
    try:
        with client(door, emulator, account.token) as caller:
            return replay(caller, vector, prepared(caller, vector))
    finally:
        emulator.cloud.close_account(account)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_request_of_the_sdk_is_answered(emulator, vector):
    got = answers(emulator, "transport", vector)

    if vector["id"].startswith(LATER):
        assert {status for status, _ in got[-1:]} == {501}, got
    elif vector["id"] in REFUSED:
        assert any(envelope["status"] != "success" for _, envelope in got), got
    else:
        assert all(status == 200 and envelope["status"] == "success" for status, envelope in got), got


@pytest.mark.parametrize("name", ["get", "suspend", "bulk_delete", "list"])
def test_metros_that_discovery_names_are_asked_apart(emulator, name):
    (vector,) = (one for one in VECTORS if one["id"] == f"discovery.{name}")
    (_, metros), (_, here), (_, there), *acted = answers(emulator, "transport", vector)
    found, others = here["data"]["instances"], there["data"]["instances"]

    assert {metro["name"] for metro in metros["data"]["metros"]} >= {"fra", "dal"}
    assert "web" in {one["name"] for one in found if one["status"] == "success"}
    assert [one for one in others if one["status"] == "success"] == []
    assert all(one["data"]["instances"][0]["status"] == "success" for _, one in acted)


def test_build_service_answers_in_its_own_form(emulator):
    vectors = [vector for vector in VECTORS if vector["id"].startswith("builds.")]
    got = [answers(emulator, "transport", vector)[-1] for vector in vectors]

    assert len(got) == 6
    assert {(status, *body, body["error"]["code"]) for status, body in got} == {(501, "error", "unsupported")}


@pytest.mark.parametrize("name", ["respx", "http", "https"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_doors_answer_alike(emulator, name, vector):
    one, other = answers(emulator, "transport", vector), answers(emulator, name, vector)

    assert comparable(one) == comparable(other)


def test_answers_that_differ_are_told_apart():
    envelope = {"status": "success", "data": {"instances": [{"name": "web", "memory_mb": 128}]}}
    other = {"status": "success", "data": {"instances": [{"name": "web", "memory_mb": 256}]}}

    assert comparable([(200, envelope)]) != comparable([(200, other)])
    assert comparable([(200, envelope)]) != comparable([(400, envelope)])
