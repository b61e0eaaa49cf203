"""Quotas as answers show them (specification, Parts B.7 and C.15)."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .envelope import Failure
from .scalars import Amount, Uuid, closed

__all__ = ["QuotaLimits", "QuotaList", "QuotaStats", "Quotas"]


@closed
class QuotaStats(TypedDict, total=False):
    """How much of each thing."""

    instances: Amount
    live_instances: Amount
    live_vcpus: Amount
    live_memory_mb: Amount
    service_groups: Amount
    services: Amount
    volumes: Amount
    total_volume_mb: Amount


@closed
class QuotaLimits(TypedDict, total=False):
    """Between what one resource may be sized."""

    min_memory_mb: Amount
    max_memory_mb: Amount
    min_vcpus: Amount
    max_vcpus: Amount
    min_volume_mb: Amount
    max_volume_mb: Amount
    min_autoscale_size: Amount
    max_autoscale_size: Amount


@closed
class Quotas(TypedDict, total=False):
    """What an account may have, and has."""

    status: Required[Literal["success"]]
    uuid: Required[Uuid]
    used: Required[QuotaStats]
    hard: Required[QuotaStats]
    limits: Required[QuotaLimits]


@closed
class QuotaList(TypedDict, total=False):
    """The data of a reading of quotas."""

    quotas: Required[list[Annotated[Quotas | Failure, Field(discriminator="status")]]]
