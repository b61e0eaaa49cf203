"""What the user chose for this machine: by environment variable, or by `ukrom setup`, which remembers it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ukrom.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ukrom.host.cache import Cache

__all__ = ["Choices", "choices", "layers_limit", "named_by_environment", "remember", "remembered"]

_FILE = "settings.json"
_LAYERS_MB = 4096


@dataclass(frozen=True, slots=True)
class Choices:
    """Paths to use instead of what would be found; None where nothing was chosen."""

    qemu: Path | None = None
    kernel: Path | None = None
    modules: Path | None = None

    def over(self, other: Choices) -> Choices:
        """These choices, and those of `other` where there is none here.

        Kernel and modules go together: the modules of one kernel are of no use to another.
        """
        pair = self if self.kernel or self.modules else other
        return Choices(qemu=self.qemu or other.qemu, kernel=pair.kernel, modules=pair.modules)


def choices(cache: Cache, environ: Mapping[str, str] | None = None) -> Choices:
    """What was chosen: by the environment, else what setup remembered.

    Raises:
        SettingsError: The remembered choices cannot be read.
    """
    return named_by_environment(environ).over(remembered(cache))


def layers_limit(environ: Mapping[str, str] | None = None) -> int:
    """Bytes that all snapshot layers may take in the cache: 4 GiB, or what `UKROM_LAYERS_MB` says in MiB.

    Raises:
        SettingsError: It is no number.
    """
    named = (os.environ if environ is None else environ).get("UKROM_LAYERS_MB") or str(_LAYERS_MB)
    if not (named.isascii() and named.isdecimal()):
        raise SettingsError(
            f"UKROM_LAYERS_MB is {named!r}, which is no number of MiB.", remedy="Set it to 4096, for example."
        )
    return int(named) << 20


def named_by_environment(environ: Mapping[str, str] | None = None) -> Choices:
    """What `UKROM_QEMU`, `UKROM_KERNEL` and `UKROM_MODULES` name."""
    environ = os.environ if environ is None else environ
    return _choices({field.name: environ.get(f"UKROM_{field.name.upper()}") for field in fields(Choices)})


def remembered(cache: Cache) -> Choices:
    """What `ukrom setup` was told at some time before.

    Raises:
        SettingsError: The file is not what `remember` writes.
    """
    path = cache.root / _FILE
    try:
        found = json.loads(path.read_bytes())
        return _choices({field.name: found.get(field.name) for field in fields(Choices)})
    except FileNotFoundError:
        return Choices()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        message = f"The remembered settings cannot be read: {path}: {error}."
        raise SettingsError(message, remedy=f"Delete {path} and run `ukrom setup` again.") from error


def remember(cache: Cache, chosen: Choices) -> None:
    """Keep choices for all later runs with this cache folder.

    Raises:
        SettingsError: The cache folder cannot be written.
    """
    content = {name: str(path) for name, path in asdict(chosen).items() if path is not None}
    cache.write("", _FILE, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def _choices(named: Mapping[str, str | None]) -> Choices:
    return Choices(**{name: Path(path).expanduser().absolute() for name, path in named.items() if path})
