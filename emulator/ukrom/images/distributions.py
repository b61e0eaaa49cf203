"""Installed distributions, as wheels and Debian packages leave them, and what they depend on."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ukrom.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ukrom.images.interpreter import Interpreter

__all__ = ["Installed", "find_distributions"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution as it lies in an environment."""

    name: str
    """Normalised."""
    version: str
    site: Path
    """The folder in which its files lie."""
    files: tuple[str, ...]
    """Relative to `site`; no bytecode, and nothing outside of it."""
    scripts: tuple[tuple[str, str], ...] = ()
    """Console scripts: name and `module:function`."""

    def key(self) -> str:
        """Name its content: changes when it is installed anew."""
        hashed = hashlib.sha256(f"distribution-1\0{self.name}\0{self.version}\0{self.scripts}".encode())
        for file in self.files:
            status = os.stat(f"{self.site}/{file}")  # noqa: PTH116  there are many
            hashed.update(
                f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="surrogateescape")
            )
        return hashed.hexdigest()


def find_distributions(interpreter: Interpreter, requirements: Iterable[str]) -> list[Installed]:
    """Find distributions by name or requirement, and all they depend on, sorted by name.

    Raises:
        ImageError: One is not installed, not in the version asked for, editable, or no requirement.
    """
    waiting = [(_parse(text), "") for text in requirements]
    found: dict[str, Installed] = {}
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, user = waiting.pop()
        dist = _find(interpreter, requirement, user)
        name = canonicalize_name(requirement.name)
        if name not in found:
            found[name] = _installed(name, dist)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(child, name) for child in _children(interpreter, dist, extra)]
    return [found[name] for name in sorted(found)]


def _parse(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ImageError(
            f"{text!r} names no package: {error}.",
            remedy="Write the name of a distribution, such as 'pydantic'.",
        ) from error


def _find(interpreter: Interpreter, requirement: Requirement, user: str) -> metadata.Distribution:
    path = [str(site) for site in interpreter.sites]
    dist = next(iter(metadata.distributions(name=requirement.name, path=path)), None)
    needed = f", which {user!r} needs," if user else ""
    remedy = f"Install it: {interpreter.executable} -m pip install '{_plain(requirement)}'"
    if dist is None:
        raise ImageError(
            f"The package {requirement.name!r}{needed} is not installed for {str(interpreter.executable)!r}.",
            remedy=remedy,
        )
    if not requirement.specifier.contains(dist.version, prereleases=True):
        raise ImageError(
            f"The package {requirement.name!r}{needed} is installed in version {dist.version}, "
            f"but {str(requirement.specifier)!r} is asked for.",
            remedy=remedy,
        )
    return dist


def _plain(requirement: Requirement) -> str:
    """A requirement without its marker."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _children(interpreter: Interpreter, dist: metadata.Distribution, extra: str) -> Iterator[Requirement]:
    for text in dist.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or marker.evaluate({**interpreter.markers, "extra": extra}):
            yield requirement


def _installed(name: str, dist: metadata.Distribution) -> Installed:
    site = Path(str(dist.locate_file("")))
    record = dist.read_text("RECORD")
    files = _recorded(dist) if record is not None else _guessed(site, name, dist)
    _refuse_editable(name, dist, files)
    wanted = sorted(file for file in files if _is_wanted(file) and (site / file).is_file())
    scripts = [(entry.name, entry.value) for entry in dist.entry_points if entry.group == "console_scripts"]
    return Installed(name, dist.version, site, tuple(wanted), tuple(sorted(scripts)))


def _recorded(dist: metadata.Distribution) -> list[str]:
    return [file.as_posix() for file in dist.files or ()]


def _guessed(site: Path, name: str, dist: metadata.Distribution) -> list[str]:
    """Find the files of a distribution without a list of them, as Debian's packages are."""
    top = (dist.read_text("top_level.txt") or name.replace("-", "_")).split()
    folder = getattr(dist, "_path", None)
    roots = [site / folder.name] if isinstance(folder, Path) else []
    for module in top:
        roots += [
            site / module,
            site / f"{module}.py",
            *site.glob(f"{module}.*.so"),
            *site.glob(f"{module}.abi3.so"),
        ]
    files = []
    for root in roots:
        if root.is_file():
            files.append(root.name)
        if root.is_dir():
            files += [path.relative_to(site).as_posix() for path in root.rglob("*")]
    if all(file.endswith("-info") or "-info/" in file for file in files):
        raise ImageError(
            f"The package {name!r} does not say which files it has, and none bear its name in {str(site)!r}.",
            remedy="Install it by pip, or put its files into the image by files={...}.",
        )
    return files


def _refuse_editable(name: str, dist: metadata.Distribution, files: Iterable[str]) -> None:
    origin = json.loads(dist.read_text("direct_url.json") or "{}")
    is_editable = (origin.get("dir_info") or {}).get("editable") is True
    if is_editable or any(Path(file).name.startswith("__editable__") for file in files):
        raise ImageError(
            f"The package {name!r} is installed in editable mode: its files are not in the environment.",
            remedy="Put its source into the image by files={'/src/<package>': Path('<package>')}, "
            "or install it without -e.",
        )


def _is_wanted(file: str) -> bool:
    return not (file.startswith(("..", "/")) or "__pycache__/" in file or file.endswith((".pyc", ".pyo")))
