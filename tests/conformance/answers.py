"""What holds for every answer: the SDK's own models, extras forbidden, and the envelope."""

from __future__ import annotations

import json

from pydantic import BaseModel, TypeAdapter, ValidationError

from .sdk_operations import operation_of

ENVELOPE = {"status", "message", "data", "errors", "warnings", "op_time_us"}
WORDS = {"success", "error", "partial_success"}
CODES = range(31)

# What the specification documents and the SDK's models of these answers do not know, by section.
DOCUMENTED = {
    # A.1: an entry of `errors` has a text; the envelope has warnings.
    "ResponseError": {"message"},
    # C.12
    "GetInstancesMetricsResponseInstanceMetrics": {
        *("state", "start_count", "restart_count", "started_at", "stopped_at", "uptime_ms"),
        *("template_time_us", "wakeup_latency", "wakeup_latency_sum"),
    },
    # C.11: "An extra `uuid` does no harm"; A.2: an item says how it fared.
    "Image": {"uuid", "status", "message", "error"},
    # A.2 again
    "Metro": {"status"},
    # A.2: on instance failures, the state last seen
    "DeleteInstancesResponseInstance": {"state"},
    "UpdateInstancesResponseUpdatedInstance": {"state"},
}


def faults(surface, method, path, status, content):
    """What is wrong with an answer, each in a sentence; nothing if all is well.

    Args:
        surface: `platform` or `controlplane`.
        method: The request's.
        path: The request's, with its `/v1`.
        status: The HTTP status.
        content: The body as bytes.
    """
    try:
        envelope = json.loads(content)
    except ValueError as error:
        return [f"no JSON: {error}"]
    if not isinstance(envelope, dict):
        return ["no object"]
    found = [*_envelope_faults(envelope)]
    if status != 200:
        return [*found, *_refusal_faults(status, envelope)]
    operation = operation_of(surface, method, path)
    if operation is not None:
        found += _model_faults(operation.model, content)
    return [*found, *_item_faults(envelope)]


def _envelope_faults(envelope):
    if strange := set(envelope) - ENVELOPE:
        yield f"the envelope has {sorted(strange)}"
    if envelope.get("status") not in WORDS:
        yield f"the envelope's status is {envelope.get('status')!r}"
    if not isinstance(envelope.get("op_time_us"), int):
        yield f"op_time_us is {envelope.get('op_time_us')!r}"
    if envelope.get("status") != "success" and not envelope.get("message"):
        yield "a failure without a message"


def _refusal_faults(status, envelope):
    if envelope.get("status") != "error":
        yield f"HTTP {status} says {envelope.get('status')!r}"
    if status < 400 or status == 500:
        yield f"HTTP {status}"
    if envelope.get("data"):
        yield f"HTTP {status} beside data"
    for error in envelope.get("errors", []):
        if error.get("status") != status:
            yield f"HTTP {status} beside errors[].status {error.get('status')!r}"


def _item_faults(envelope):
    if envelope.get("errors"):
        yield "`errors` in a 200"
    data = envelope.get("data") or {}
    items = [item for value in data.values() if isinstance(value, list) for item in value]
    failed = [item for item in items if isinstance(item, dict) and item.get("status") == "error"]
    timed_out = "timed out" in str(envelope.get("message")).lower()
    expected = "success" if not failed else "error" if len(failed) == len(items) else "partial_success"
    # A lapsed wait is an error as a whole (A.5); without items the envelope speaks for itself.
    if items and envelope.get("status") != expected and not timed_out:
        yield f"{len(failed)} of {len(items)} items failed, and the envelope says {envelope.get('status')!r}"
    for item in failed:
        yield from _failed_item_faults(item)


def _failed_item_faults(item):
    # Those that say how an instance ended or where a wait left it have a state and no code (A.5, D.7).
    if "error" not in item:
        if "state" not in item:
            yield f"an item failed with neither code nor state: {item}"
    elif item["error"] not in CODES:
        yield f"an item's code is {item['error']!r}"
    elif not item.get("message"):
        yield f"an item failed without a message: {item}"


def _model_faults(model, content):
    try:
        parsed = TypeAdapter(model).validate_json(content, strict=True)
    except ValidationError as error:
        return [f"the SDK's {model.__name__} refuses it: {error}"]
    return list(_extras(parsed, model.__name__))


def _extras(value, place):
    if isinstance(value, BaseModel):
        allowed = DOCUMENTED.get(type(value).__name__, set()) | ({"warnings"} if "." not in place else set())
        if extra := set(value.model_extra or ()) - allowed:
            yield f"{place} ({type(value).__name__}) has {sorted(extra)}, which the SDK does not know"
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _extras(part, f"{place}[{number}]")
