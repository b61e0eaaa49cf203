"""Time moto's answers to calls like ours, in process and through its server; prints JSON.

Run by the benchmark of the API, since moto's patches are not to touch anything else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import boto3
import moto

from bench.calls import CALLS, LISTED, WARM_UP
from bench.measure import median_ms

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "eu-central-1"
LISTINGS = 3
MANY = 1000

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


def main() -> None:
    """Measure under `mock_aws`, then the server in another process; each client is kept."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": REGION,
    }
    versions = {"moto": moto.__version__, "boto3": boto3.__version__}
    inside: dict[str, float] = {}
    for sizes in ((), (LISTED, MANY)):
        # Instances that were terminated stay for an hour, and slow down listings: a new one for each.
        with moto.mock_aws():
            client = boto3.client("ec2", region_name=REGION)
            inside |= _listings(client, sizes) if sizes else _of_one(client)
    json.dump({**versions, "in process": inside, "server": _server()}, sys.stdout)


def _server() -> dict[str, float]:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            client = boto3.client("ec2", region_name=REGION, endpoint_url=url)
            listings = _listings(client, (LISTED,))
            reset = Request(f"{url}/moto-api/reset", method="POST")
            urlopen(reset).close()
            return listings | _of_one(client)
        finally:
            server.stdin.close()


def _of_one(client: Any) -> dict[str, float]:
    image = _image(client)
    made = _run(client, image, 1)
    kept, tags = made[0], [{"Key": "measured", "Value": "yes"}]
    waiter = client.get_waiter("instance_running")
    return {
        "read": _median(lambda: client.describe_instances(InstanceIds=[kept])),
        "wait": _median(lambda: waiter.wait(InstanceIds=[kept])),
        "patch": _median(lambda: client.create_tags(Resources=[kept], Tags=tags)),
        "create": _median(
            lambda: made.extend(_run(client, image, 1)),
            lambda: client.terminate_instances(InstanceIds=[made.pop()]),
        ),
    }


def _listings(client: Any, sizes: tuple[int, ...]) -> dict[str, float]:
    made: list[str] = []
    found = {}
    for size in sizes:
        made += _run(client, _image(client), size - len(made))
        assert _listed(client) == size
        found[f"list {size}"] = median_ms(lambda: _listed(client), LISTINGS)
    return found


def _run(client: Any, image: str, count: int) -> list[str]:
    answer = client.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=count, MaxCount=count)
    return [one["InstanceId"] for one in answer["Instances"]]


def _image(client: Any) -> str:
    image: str = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    return image


def _listed(client: Any) -> int:
    pages = client.get_paginator("describe_instances").paginate()
    return sum(len(reservation["Instances"]) for page in pages for reservation in page["Reservations"])


def _median(call: Callable[[], object], after: Callable[[], object] = lambda: None) -> float:
    return median_ms(call, CALLS // 3, after=after, warm_up=WARM_UP)


if __name__ == "__main__":
    main()
