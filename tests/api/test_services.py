from __future__ import annotations

SERVICES = [
    {"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]},
    {"port": 80, "destination_port": 443, "handlers": ["http", "redirect"]},
]
APP = {"image": "org/app:1"}


def test_group_reads_back_as_it_was_made(item):
    made = item("POST", "/services", {"name": "web", "services": SERVICES, "domains": [{"name": "web"}]})

    assert made["services"] == [{**service, "protocol": "tcp"} for service in SERVICES]
    assert made["domains"] == [{"fqdn": "web.fra.unikraft.app"}]
    assert (made["persistent"], made["soft_limit"], made["hard_limit"]) == (True, 1, 65535)
    assert item("GET", f"/services/{made['uuid']}") == made


def test_listing_gives_references_and_has_pages(call):
    call("POST", "/services", [{"name": f"g{n}", "services": SERVICES} for n in range(3)])
    groups = call("GET", "/services?count=2")["data"]["service_groups"]

    assert [group["name"] for group in groups] == ["g0", "g1"]
    assert groups[0].keys() == {"status", "uuid", "name"}


def test_tags_filter_no_groups_since_they_have_none(call):
    call("POST", "/services", {"name": "web", "services": SERVICES})

    assert call("GET", "/services?tags=a")["data"] == call("GET", "/services")["data"]


def test_group_outlives_its_instances_and_cannot_go_before_them(item):
    group = item("POST", "/services", {"name": "web", "services": SERVICES})
    made = item("POST", "/instances", {**APP, "name": "web", "service_group": {"name": "web"}})
    assert made["service_group"]["uuid"] == group["uuid"]
    assert item("DELETE", "/services", [{"name": "web"}])["error"] == 15
    item("DELETE", "/instances", [{"name": "web"}])

    assert item("GET", "/services?name=web")["instances"] == []
    assert item("DELETE", f"/services/{group['uuid']}")["status"] == "success"
    assert item("GET", "/services?name=web")["error"] == 8


def test_taken_names_and_domains_are_refused(item):
    item("POST", "/services", {"name": "web", "services": SERVICES, "domains": [{"name": "web"}]})

    assert item("POST", "/services", {"name": "web", "services": SERVICES})["error"] == 23
    assert item("POST", "/services", {"services": SERVICES, "domains": [{"name": "web"}]})["error"] == 23
    assert item("POST", "/services", {"services": SERVICES, "domains": [{"name": "www"}]})["error"] == 24


def test_negative_autokill_is_refused(call, item):
    made = item("POST", "/services", {"services": SERVICES, "autokill": {"time_ms": -1}})

    assert (made["error"], made["message"]) == (
        7,
        "Invalid 'time_ms' -1 in 'autokill': must be 0 or more",
    )
    assert call("GET", "/services")["data"]["service_groups"] == []


def test_bad_handlers_are_refused(item):
    assert item("POST", "/services", {"services": [{"port": 80, "handlers": ["tls"]}]})["error"] == 7


def test_bad_bodies_are_refused(refuse):
    assert refuse("POST", "/services", {}) == "'services' is missing in service group creation arguments"
    body = {"services": SERVICES, "soft_limit": 5, "hard_limit": 4}
    assert refuse("POST", "/services", body) == "'soft_limit' must not be greater than 'hard_limit'"
    assert "'services[0].handlers[0]'" in refuse(
        "POST", "/services", {"services": [{"port": 1, "handlers": ["udp"]}]}
    )


def test_certificate_that_cannot_exist_is_not_found(item):
    domain = {"name": "example.com.", "certificate": {"name": "cert"}}

    assert item("POST", "/services", {"services": SERVICES, "domains": [domain]})["error"] == 8


def test_ephemeral_group_is_not_persistent(item):
    made = item("POST", "/instances", {**APP, "service_group": {"services": SERVICES}})

    assert item("GET", f"/services/{made['service_group']['uuid']}")["persistent"] is False


def test_tutorial_of_old_works_with_the_suffix_of_old(store, runner):
    import httpx

    from ukrom.api import Api, InProcessTransport
    from ukrom.cloud import Cloud, Settings

    cloud = Cloud(Settings(suffix="kraft.cloud"), runner=runner, images=store)
    base = "https://api.fra0.kraft.cloud/v1"
    headers = {"authorization": "Bearer token"}
    names = [f"test-http-python-rom{n}" for n in (1, 2)]
    with httpx.Client(transport=InProcessTransport(Api(cloud)), base_url=base, headers=headers) as client:
        groups = [{"name": name, "services": SERVICES[:1], "domains": [{"name": name}]} for name in names]
        assert client.post("/services", json=groups).json()["status"] == "success"
        instances = [
            {
                "name": name,
                "image": "org/http-python:latest",
                "service_group": {"name": name},
                "memory_mb": 512,
                "scale_to_zero": {"policy": "on", "stateful": False, "cooldown_time_ms": 1000},
                "autostart": True,
                "roms": [{"name": "python_function.py", "image": f"org/my-rom{n}:latest"}],
            }
            for n, name in enumerate(names, 1)
        ]
        items = client.post("/instances", json=instances).json()["data"]["instances"]

    assert [item["status"] for item in items] == ["success", "success"]
    assert items[0]["service_group"]["domains"] == [{"fqdn": "test-http-python-rom1.fra.kraft.cloud"}]
    assert cloud.gateway.route("test-http-python-rom2.fra.unikraft.app", 443) is not None
