"""The errors of the emulator, one tree.

    UkromError                    carries what was asked, what was found, what to do
    ├── MissingTool               the machine lacks a program, a kernel or a module
    ├── HostNotSupported          this host can never do it (other OS, other architecture)
    ├── SettingsError             an option or setting makes no sense
    ├── StateError                documents are no state of an account, or do not fit into a cloud
    ├── RomError                  files cannot become a ROM, or a ROM cannot be read
    ├── ImageError                files cannot become an image, or a stored image is damaged
    │   ├── BadReference          text is no image reference
    │   └── ImageNotFound         no image under that reference
    ├── MachineError              a VM did not do as told; carries its console and QEMU's words
    │   ├── BootFailed            it never came to run its application
    │   ├── MachineEnded          it ended while something was awaited of it
    │   └── DeadlineExceeded      it is still there, but too late
    ├── BadLayer                  a file is no snapshot layer, or a damaged one (qemu)
    ├── LayersUnusable            no snapshot layer can be stored here (qemu)
    ├── HostNotEmulated           a host of the real cloud was asked that the emulator is not (ingress)
    ├── PortNotServed             no service has a public port that was asked for (ingress)
    └── WouldWaitForItself        a blocking request on the thread that must answer it (ingress)

Refusals of the platform itself are no exceptions of this tree: they are answers of the API, see
`ukrom.cloud`.
"""

from __future__ import annotations

__all__ = [
    "BadReference",
    "BootFailed",
    "DeadlineExceeded",
    "HostNotSupported",
    "ImageError",
    "ImageNotFound",
    "MachineEnded",
    "MachineError",
    "MissingTool",
    "RomError",
    "SettingsError",
    "StateError",
    "UkromError",
]


class UkromError(Exception):
    """Base of all errors of the emulator.

    Args:
        message: What was asked and what was found instead, in one sentence.
        remedy: What to do about it, in one sentence; printed on a line of its own.
    """

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}\n{self.remedy}"


class MissingTool(UkromError):
    """The machine lacks something that pip cannot install.

    Args:
        tool: Its name, as `ukrom doctor` prints it.
        message: What was looked for, and where.
        remedy: How to get it.
    """

    def __init__(self, tool: str, message: str, *, remedy: str = "Run `ukrom setup`.") -> None:
        super().__init__(message, remedy=remedy)
        self.tool = tool


class HostNotSupported(UkromError):
    """This host can never do what was asked: another operating system or another architecture."""


class SettingsError(UkromError):
    """An option or setting makes no sense."""


class StateError(UkromError):
    """Documents are no state of an account, or do not fit into the cloud that they are loaded into."""


class RomError(UkromError):
    """Files cannot become a ROM, or a ROM cannot be read."""


class ImageError(UkromError):
    """Files cannot become an image, or a stored image is damaged."""


class BadReference(ImageError):
    """A text is no image reference (specification, Part E.6)."""


class ImageNotFound(ImageError):
    """No image is stored under a reference."""


class MachineError(UkromError):
    """A VM did not do as it was told.

    Args:
        message: What was awaited and what happened.
        console: The end of the guest's console, as text.
        stderr: What QEMU printed on its standard error.
        command: QEMU's command line.
        remedy: What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        console: str = "",
        stderr: str = "",
        command: tuple[str, ...] = (),
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.console = console
        self.stderr = stderr
        self.command = command


class BootFailed(MachineError):
    """A VM never came to run its application."""


class MachineEnded(MachineError):
    """A VM ended while something was awaited of it."""


class DeadlineExceeded(MachineError, TimeoutError):
    """A VM is still there, but did not do in time what was awaited."""
