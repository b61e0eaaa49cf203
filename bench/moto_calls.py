"""Time moto's answers to calls like ours; prints JSON. Run by the benchmark of the API."""

from __future__ import annotations

import json
import os
import sys

import boto3
import moto

from bench.measure import median_ms

REGION = "eu-central-1"


def main(calls: int, warm_up: int) -> None:
    """Measure under `mock_aws`, the client kept."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": REGION,
    }
    with moto.mock_aws():
        client = boto3.client("ec2", region_name=REGION)
        image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        made: list[str] = []

        def create() -> None:
            answer = client.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
            made.append(answer["Instances"][0]["InstanceId"])

        def delete() -> None:
            client.terminate_instances(InstanceIds=[made.pop()])

        create()
        (kept,) = made
        read = median_ms(lambda: client.describe_instances(InstanceIds=[kept]), calls, warm_up=warm_up)
        made.clear()
        created = median_ms(create, calls, after=delete, warm_up=warm_up)
    json.dump(
        {"moto": moto.__version__, "boto3": boto3.__version__, "read": read, "create": created}, sys.stdout
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
