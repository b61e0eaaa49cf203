"""What `ukrom.run` and an `Instance` take, and how they say no; over stubs."""

from __future__ import annotations

import pytest

from pytest_ukrom import InstanceFailed, Refused
from ukrom.errors import UkromError


@pytest.fixture
def web(ukrom_api):
    return ukrom_api.stub_image("web")


def test_a_stub_image_takes_no_program_of_this_machine(ukrom_api, monkeypatch):
    monkeypatch.setenv("PATH", "")
    ukrom_api.stub.answer("named", lambda request: request.path)

    inst = ukrom_api.run(ukrom_api.stub_image("named"), name="named", port=8080)

    assert inst.get("/there").text == "/there"


def test_an_instance_can_be_made_without_a_start(ukrom_api, web):
    inst = ukrom_api.run(web, autostart=False)

    assert inst.state == "stopped"
    assert inst.start().state == "running"


def test_a_port_beside_a_service_group_is_refused_not_dropped(ukrom_api, web):
    group = {"services": [{"port": 8443, "destination_port": 1, "handlers": ["tls"]}]}

    with pytest.raises(UkromError, match="give only one"):
        ukrom_api.run(web, port=8080, service_group=group)

    assert ukrom_api.snapshots() == ()


def test_limits_of_a_group_that_is_only_joined_are_refused(ukrom_api, web):
    ukrom_api.run(web, name="first", port=8080)
    group = {"name": ukrom_api.instance("first").read()["service_group"]["name"], "hard_limit": 6}

    with pytest.raises(Refused, match="'hard_limit' can only be given with new 'services'"):
        ukrom_api.run(web, service_group=group)


def test_a_rom_may_be_attached_as_it_is(ukrom_api, web):
    rom = ukrom_api.build_rom({"a.txt": "a"}, name="data")

    (attached,) = ukrom_api.run(web, roms=[rom]).read()["roms"]

    assert attached["name"] == "rom0"
    assert "at" not in attached


def test_an_instance_that_is_deleted_on_stop_can_be_stopped(ukrom_api, web):
    inst = ukrom_api.run(web, features=["delete-on-stop"])

    inst.stop()

    assert ukrom_api.snapshots() == ()


def test_a_start_that_fails_shows_the_console(ukrom_api, web):
    inst = ukrom_api.run(web, roms=[{"name": "late", "image": "ukrom-api/late"}], autostart=False)

    with pytest.raises(InstanceFailed, match=r"did not start: .*ROM image 'ukrom-api/late' not found"):
        inst.start()


def test_the_loopback_ports_lead_to_api_and_instances(ukrom_api):
    assert f":{ukrom_api.http_port}/" in ukrom_api.url
    assert ukrom_api.https_port != ukrom_api.http_port
