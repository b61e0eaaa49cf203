from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

APP = {"image": "org/app:1"}
WEB = {**APP, "service_group": {"services": [{"port": 443, "handlers": ["tls", "http"]}]}}
GHOST = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def running(item):
    return item("POST", "/instances", {**WEB, "name": "web", "autostart": True})


@pytest.fixture
def measure(client):
    """Ask for metrics as JSON."""

    def do(path="/instances/metrics", method="GET", body=None):
        answer = client.request(method, path, json=body, headers={"accept": "application/json"})
        assert answer.status_code == 200
        return answer.json()

    return do


@pytest.fixture
def scrape(client):
    """Ask for metrics as Prometheus does, and give the samples."""

    def do(path="/instances/metrics"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        return {name: family.samples for name, family in families.items()}

    return do


def test_metrics_of_a_running_instance(measure, running):
    (metrics,) = measure(f"/instances/metrics?uuid={running['uuid']}")["data"]["instances"]
    uptime = metrics.pop("uptime_ms")

    assert metrics.pop("started_at").endswith("Z")
    assert uptime >= 0
    assert metrics.pop("wakeup_latency") == [
        *({"bucket_ms": 2**power, "count": 0} for power in range(13)),
        {"bucket_ms": None, "count": 0},
    ]
    assert metrics == {
        "status": "success",
        "uuid": running["uuid"],
        "name": "web",
        "state": "running",
        "start_count": 1,
        "boot_time_us": 75_698,
        "net_time_us": 79_067,
        **dict.fromkeys(("rss_bytes", "cpu_time_ms", "rx_bytes", "rx_packets", "tx_bytes", "tx_packets"), 0),
        **dict.fromkeys(("nconns", "nreqs", "nqueued", "ntotal"), 0),
        "wakeup_latency_sum": 0,
    }


def test_without_identifiers_all_instances_are_measured(measure, running, item):
    second = item("POST", "/instances", APP)

    assert [one["uuid"] for one in measure()["data"]["instances"]] == [running["uuid"], second["uuid"]]


def test_path_and_post_name_instances_too(measure, running):
    by_path = measure(f"/instances/{running['uuid']}/metrics")
    by_post = measure(method="POST", body=[{"name": "web"}])

    assert [one["name"] for one in by_path["data"]["instances"]] == ["web"]
    assert [one["name"] for one in by_post["data"]["instances"]] == ["web"]


def test_missing_instance_is_not_found_whatever_is_accepted(measure, client):
    envelope = measure(f"/instances/{GHOST}/metrics")
    (failed,) = envelope["data"]["instances"]

    assert (envelope["status"], failed["error"]) == ("error", 8)
    answer = client.get(f"/instances/{GHOST}/metrics")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["data"]["instances"][0]["error"] == 8


def test_prometheus_reads_the_text(scrape, running, cloud):
    cloud_now = scrape()
    (state,) = cloud_now["instance_state"]

    assert (state.labels, state.value) == ({"instance_uuid": running["uuid"]}, 2)
    assert cloud_now["instance_boot_time_s"][0].value == pytest.approx(0.075698)
    assert cloud_now["instance_start_count"][0].value == 1
    assert "instance_restart_count" not in cloud_now
    assert "instance_stopped_at" not in cloud_now


def test_wake_ups_fill_the_histogram(scrape, cloud, running):
    with cloud.guard:
        space = cloud.space(cloud.account("token"))
        (instance,) = space.instances
        instance.traffic.wakeups_ms += [3.0, 5000.0]
    samples = scrape()["instance_wakeup_latency_seconds"]
    counts = {one.labels.get("le", one.name.rpartition("_")[2]): one.value for one in samples}

    assert (counts["0.002"], counts["0.004"], counts["4.096"], counts["+Inf"]) == (0, 1, 1, 2)
    assert (counts["sum"], counts["count"]) == (pytest.approx(5.003), 2)


def test_nothing_is_measured_where_there_is_nothing(scrape, measure):
    assert scrape() == {}
    assert measure()["data"]["instances"] == []


def test_history_without_checkpoints_is_empty(item, running):
    assert item("GET", f"/instances/{running['uuid']}/history") == {
        "status": "success",
        "uuid": running["uuid"],
        "name": "web",
        "history": [],
    }


def test_history_of_a_missing_instance_is_not_found(item):
    assert item("GET", "/instances/history?name=ghost")["error"] == 8
