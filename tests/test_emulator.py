"""The emulator with the stub runner: what it wires together, and that nothing stays behind."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import httpx
import pytest

from ukrom.api import Effect, Request
from ukrom.emulator import Emulator, Settings, find_vm
from ukrom.errors import MissingTool, SettingsError, UkromError

ORDER = {"name": "web", "autostart": True, "timeout_s": 5}


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    for name in ("UKROM_QEMU", "UKROM_KERNEL", "UKROM_MODULES", "UKROM_ACCELERATOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UKROM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def start(tmp_path):
    """Start emulators over the stub; they are stopped afterwards."""
    started = []

    def do(**fields):
        emulator = Emulator(Settings(**{"runner": "stub", **fields}))
        emulator.start()
        started.append(emulator)
        return emulator

    yield do
    for emulator in started:
        emulator.stop()


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "app").write_text("never run")
    (folder / "app").chmod(0o755)
    return folder


@pytest.fixture
def create(root):
    """Make an instance `web` with a service, and give its account."""

    def do(emulator, **fields):
        from ukrom.images import build_directory_image

        build_directory_image(emulator.images, root, name="me/web", cmd=["/app"], env=None)
        service = {"port": 443, "destination_port": 80, "handlers": ["tls", "http"]}
        group = {"services": [service], "domains": [{"name": "web"}]}
        order = {**ORDER, "image": "me/web", "service_group": group, **fields}
        account = emulator.cloud.open_account("me")
        headers = {"authorization": f"Bearer {account.token}"}
        answer = httpx.post(f"{emulator.url}/instances", json=order, headers=headers)
        assert answer.json()["status"] == "success", answer.text
        return account

    return do


def sockets():
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            link = str(descriptor.readlink())
        except FileNotFoundError:  # the listing's own
            continue
        if link.startswith("socket:"):
            found.append(link)
    return sorted(found)


def test_start_and_stop_leave_nothing(start, create, tmp_path):
    threads, before = set(threading.enumerate()), sockets()
    emulator = start()
    create(emulator)
    folder = emulator.folder
    assert folder.parent == tmp_path
    assert emulator.ca_file.is_relative_to(folder)

    emulator.stop()

    assert set(threading.enumerate()) == threads
    assert sockets() == before
    assert not folder.exists()
    assert not list(tmp_path.glob("*ukrom-run-*"))


def test_answer_that_a_fault_holds_back_is_given_at_the_stop(start):
    emulator = start()
    account = emulator.cloud.open_account("me")
    emulator.api.faults.add(account, "read quotas", effect=Effect(None, None, None, delay=1000))
    late = emulator.api.handle(
        Request("GET", "/v1/users/quotas", authorization=f"Bearer {account.token}", host="localhost")
    )
    assert not late.future.done()

    emulator.stop()

    assert late.future.result(0).status == 200


def test_stopping_twice_does_nothing(start):
    emulator = start()
    emulator.stop()
    emulator.stop()


def test_context_manager_stops_on_an_error(tmp_path):
    with pytest.raises(KeyError), Emulator(Settings(runner="stub")) as emulator:
        raise KeyError(emulator.url)

    assert not list(tmp_path.glob("ukrom-run-*"))


def test_failed_start_leaves_nothing(tmp_path, monkeypatch):
    threads = set(threading.enumerate())
    monkeypatch.setenv("UKROM_QEMU", str(tmp_path / "missing"))

    with pytest.raises(MissingTool):
        Emulator(Settings(runner="qemu")).start()

    assert set(threading.enumerate()) == threads
    assert not list(tmp_path.glob("ukrom-run-*"))


def test_cache_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("UKROM_CACHE", "/proc/no-such-folder")

    with pytest.raises(SettingsError, match="The cache folder cannot be written"):
        Emulator(Settings(runner="stub")).start()

    assert not list(tmp_path.glob("ukrom-run-*"))


def test_missing_kernel_is_found_out_before_anything_boots(tmp_path, monkeypatch):
    devices = "virtio-blk-device virtio-net-device virtio-rng-device virtio-serial-device virtserialport"
    qemu = tmp_path / "qemu"
    qemu.write_text(f"#!/bin/sh\necho version 8.0.0 microvm user {devices}\n")
    qemu.chmod(0o755)
    monkeypatch.setenv("UKROM_QEMU", str(qemu))

    with pytest.raises(MissingTool, match="kernel") as error:
        find_vm()

    assert "ukrom setup" in str(error.value)


def test_two_emulators_side_by_side_share_nothing_but_images(start, create):
    first, second = start(), start()
    account = create(first)

    assert first.url != second.url
    assert first.folder != second.folder
    assert [one.name for one in first.cloud.instances(account)] == ["web"]
    assert second.cloud.instances(second.cloud.open_account("me")) == ()

    second.stop()

    assert httpx.get(f"{first.url}/instances", headers={"authorization": "Bearer a"}).status_code == 200


def test_url_is_the_api_on_loopback(start):
    emulator = start()

    assert emulator.url == f"http://127.0.0.1:{emulator.ingress.http_port}/v1"
    assert httpx.get(f"{emulator.url}/healthz", headers={"authorization": "Bearer a"}).status_code == 200


def test_api_transport_needs_no_socket(start):
    emulator = start()
    url = "https://api.fra.unikraft.cloud/v1/instances"

    with httpx.Client(transport=emulator.api_transport()) as client:
        before = sockets()
        answer = client.get(url, headers={"authorization": "Bearer a"})
        assert answer.json()["data"] == {"instances": []}
        assert sockets() == before


def test_door_leads_here_while_it_is_started(start, create):
    emulator = start()
    create(emulator)
    emulator.stub.answer("me/web", lambda request: "hi")

    with emulator.door:
        url = "https://api.fra.unikraft.cloud/v1/instances"
        assert httpx.get(url, headers={"authorization": "Bearer a"}).status_code == 200
        assert httpx.get("https://web.fra.unikraft.app/").text == "hi"
        assert httpx.get("https://web.fra.kraft.cloud/").text == "hi"


def test_other_metro_and_suffix_are_served_and_reported(start, create):
    emulator = start(metros=("was",), suffix="kraft.cloud")
    account = create(emulator)
    emulator.stub.answer("me/web", lambda request: request.host)

    (snapshot,) = emulator.cloud.instances(account)
    assert snapshot.metro == "was"
    with httpx.Client(transport=emulator.ingress.transport()) as client:
        assert client.get("https://web.was.kraft.cloud/").text == "web.was.kraft.cloud"
        assert client.get("https://web.was.unikraft.app/").text == "web.was.unikraft.app"


def test_reset_deletes_one_accounts_instances_and_keeps_images(start, create):
    emulator = start()
    account, other = create(emulator), emulator.cloud.open_account("other")

    emulator.reset(other)
    assert len(emulator.cloud.instances(account)) == 1
    emulator.reset(account)

    assert emulator.cloud.instances(account) == ()
    assert [image.tags for image in emulator.images.images()] == [("latest",)]
    assert emulator.cloud.gateway.public_ports() == frozenset()


def test_ca_file_holds_the_systems_authorities_and_the_emulators(start):
    emulator = start()

    pem = emulator.ca_file.read_bytes()

    assert emulator.ingress.authority.ca_pem in pem
    system = ssl.get_default_verify_paths().cafile
    if system is not None:
        assert Path(system).read_bytes().strip() in pem
    context = ssl.create_default_context(cafile=emulator.ca_file)
    with (
        socket.create_connection(("127.0.0.1", emulator.ingress.https_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="api.fra.unikraft.cloud") as secure,
    ):
        assert ("DNS", "api.fra.unikraft.cloud") in secure.getpeercert()["subjectAltName"]


def test_stub_has_no_machine_to_look_into(start, create):
    emulator = start()
    account = create(emulator)
    (snapshot,) = emulator.cloud.instances(account)

    with pytest.raises(UkromError, match="is only a stub: there is no guest to look into"):
        emulator.machine(snapshot.uuid)
    with pytest.raises(UkromError, match="is only a stub"):
        emulator.keep(snapshot.uuid)
    emulator.reset(account)
    with pytest.raises(UkromError, match="has no machine: it is not running"):
        emulator.machine(snapshot.uuid)


def test_runner_of_the_callers_own_boots_the_machines(start, create):
    from ukrom.cloud import StubRunner

    runner = StubRunner(name="mine")
    emulator = start(runner=runner)

    create(emulator)

    assert [machine.spec.name for machine in runner.machines] == ["web"]
    assert emulator.stub.machines == []
