"""The tutorial in its older form: services come first, and the guest mounts its ROM itself.

The calls are those of the tutorial's curl lines, with the variables that they read: `UKC_TOKEN`, and
`UKC_METRO`, which holds the API's base URL.
"""

import os

import httpx

NAMES = ("test-http-python-rom1", "test-http-python-rom2")


def call(method, path, body):
    answer = httpx.request(
        method,
        os.environ["UKC_METRO"] + path,
        headers={"Authorization": f"Bearer {os.environ['UKC_TOKEN']}"},
        json=body,
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def service(name):
    return {
        "name": name,
        "services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}],
        "domains": [{"name": name}],
    }


def instance(name, image, rom):
    return {
        "name": name,
        "image": image,
        # The tutorial's image has these two built in; here both forms share one image.
        "args": ["/wrapper.sh", "/usr/bin/python3", "/src/server.py"],
        "env": {"MODULE": "/tmp/rom.py"},
        "service_group": {"name": name},
        "memory_mb": 512,
        "scale_to_zero": {"policy": "on", "stateful": False, "cooldown_time_ms": 1000},
        "autostart": True,
        "roms": [{"name": "python_function.py", "image": rom}],
    }


def by_name(*names):
    return [{"name": name} for name in names]


def test_guests_that_mount_their_own_rom_give_two_answers(base, rom1, rom2):
    groups = call("POST", "/services", [service(name) for name in NAMES])["service_groups"]
    assert [group["status"] for group in groups] == ["success", "success"]

    roms = (rom1.image, rom2.image)
    bodies = [instance(name, base, rom) for name, rom in zip(NAMES, roms, strict=True)]
    created = call("POST", "/instances", bodies)["instances"]
    assert [item["status"] for item in created] == ["success", "success"]

    for name, greeting in zip(NAMES, ("Hi from 1st ROM!\n", "Hi from 2nd ROM!\n"), strict=True):
        answer = httpx.get(f"https://{name}.fra.kraft.cloud", timeout=120)
        print(answer.text, end="")
        assert (answer.status_code, answer.text) == (200, greeting)
        assert answer.headers["content-type"] == "text/html"

    for item, rom in zip(call("GET", "/instances", by_name(*NAMES))["instances"], roms, strict=True):
        (attached,) = item["roms"]
        assert attached["name"] == "python_function.py"
        assert attached["image"].startswith(f"oci://unikraft.io/{rom}@sha256:")
        assert "at" not in attached

    deleted = call("DELETE", "/instances", by_name(*NAMES))["instances"]
    assert [item["status"] for item in deleted] == ["success", "success"]
    # The services were made on their own, so they outlive the instances.
    kept = call("GET", "/services", by_name(*NAMES))["service_groups"]
    assert [group["name"] for group in kept] == list(NAMES)
    call("DELETE", "/services", by_name(*NAMES))
