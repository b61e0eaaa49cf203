"""How the platform says no to one item: a code and a text (specification, Parts A.2 and A.6)."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ErrorCode", "Refusal", "not_found"]


class ErrorCode(IntEnum):
    """The platform's error codes, `error` of an item (specification, Part A.6)."""

    UNKNOWN_ERROR = 0
    NOT_SUPPORTED = 1
    WRONG_METHOD = 2
    NO_API_ENDPOINT = 3
    FAIL_NOT_ALL = 4
    TOO_MANY = 5
    UNKNOWN = 6
    INVALID = 7
    NOT_FOUND = 8
    NO_FREE = 9
    FAILED_OPERATION = 10
    FAILED_WRONG_VM_STATE = 11
    TIMED_OUT = 12
    MISSING_ID = 13
    NOT_ALLOWED = 14
    ATTACHED = 15
    MALFORMED_REQUEST = 16
    NOT_BOTH = 17
    ADD_SERVICE = 18
    QUOTA = 19
    GUEST_MEMORY_TOO_SMALL = 20
    NOT_ATTACHED = 21
    TOO_LONG = 22
    ALREADY_EXISTS = 23
    CANNOT_BE_USED = 24
    AUTOSCALE_INSTANCE = 25
    AUTOSCALE_CONFIGURED = 26
    AUTOSCALE_NOT_CONFIGURED = 27
    AUTOSCALE_DISABLED = 28
    AUTOSCALE_SIZE_OUT_OF_RANGE = 29
    CERT_CN_MISMATCH = 30


class Refusal(Exception):
    """The platform refuses one item.

    Args:
        code: The error code.
        message: The text of the refusal.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found(noun: str, key: str, value: object) -> Refusal:
    """Refuse a reference that leads nowhere.

    Args:
        noun: What was looked for: `instance`, `service group`.
        key: `uuid` or `name`.
        value: The identifier.
    """
    return Refusal(ErrorCode.NOT_FOUND, f"No {noun} with {key} '{value}'")
