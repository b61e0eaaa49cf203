"""What an operator may change about the cloud, and what makes no sense."""

from __future__ import annotations

import pytest

from ukrom.cloud import HARD_QUOTAS, RANGE_QUOTAS, ErrorCode, Limits, Refusal, Settings
from ukrom.errors import SettingsError


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(limits=Limits())


def test_quotas_are_the_documented_ones():
    limits = Limits()

    assert {name: getattr(limits, name) for name in (*HARD_QUOTAS, *RANGE_QUOTAS)} == {
        "instances": 64,
        "live_vcpus": 64,
        "live_memory_mb": 32_768,
        "service_groups": 253,
        "services": 253,
        "volumes": 253,
        "total_volume_mb": 20_480,
        "min_memory_mb": 16,
        "max_memory_mb": 8192,
        "min_vcpus": 1,
        "max_vcpus": 1,
        "min_volume_mb": 8,
        "max_volume_mb": 20_480,
    }


def test_65th_instance_is_refused(cloud, space, create):
    for _ in range(64):
        create(service=False)
    with pytest.raises(Refusal, match=r"Failed to create\. Quota exceeded") as caught:
        create(service=False)

    assert caught.value.code is ErrorCode.QUOTA
    assert len(space.instances) == 64


def test_second_processor_is_refused(create):
    with pytest.raises(Refusal, match="Invalid 'vcpus' 2: must be from 1 to 1"):
        create(vcpus=2)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"instances": -1}, "The limit instances is -1"),
        ({"max_memory_mb": 15}, "The limit max_memory_mb is 15, and min_memory_mb is 16"),
        ({"min_vcpus": 2}, "The limit max_vcpus is 1, and min_vcpus is 2"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, message):
    with pytest.raises(SettingsError, match=message):
        Limits(**limits)


def test_limits_may_allow_nothing_at_all():
    assert Settings(limits=Limits(instances=0, min_memory_mb=0, max_memory_mb=0)).limits.instances == 0
