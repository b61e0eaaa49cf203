"""What the fixtures raise, beside the emulator's own errors.

UkromError
├── Refused             the API refused a call; carries the platform's code and words
└── InstanceFailed      an instance did not come up or does not answer; carries its console
"""

from __future__ import annotations

from ukrom.errors import UkromError

__all__ = ["InstanceFailed", "Refused"]


class Refused(UkromError):
    """The API refused a call.

    Args:
        message: The platform's words.
        code: The platform's error code of the item (specification, Part A.6), if there is one.
        status: The HTTP status.
    """

    def __init__(self, message: str, *, code: int | None = None, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class InstanceFailed(UkromError):
    """An instance did not come up, ended too early or does not answer.

    Args:
        message: What was expected and what happened.
        console: The end of its console.
        remedy: What to do about it.
    """

    def __init__(self, message: str, *, console: str = "", remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.console = console

    def __str__(self) -> str:
        return f"{super().__str__()}\n--- console ---\n{self.console}" if self.console else super().__str__()
