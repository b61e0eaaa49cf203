"""Making the ROMs and images of an account."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_ukrom.rom import Rom
from pytest_ukrom.view import View
from ukrom import images, roms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ukrom.cloud import Image

__all__ = ["ImageMaker"]


class ImageMaker(View):
    """The part of a fixture that makes ROMs and images."""

    def build_rom(
        self,
        source: str | Path | Mapping[str, str | bytes | Path],
        name: str,
        *,
        format: roms.RomFormat = "erofs",  # noqa: A002 - the platform's own word
    ) -> Rom:
        """Make a ROM image.

        Args:
            source: A directory, or a mapping of paths to contents.
            name: Of the image, in this account's namespace unless it names another.
            format: `erofs` can be mounted; `cpio` and `raw` are read from the device.

        Raises:
            RomError: The source is missing, empty, or holds what no ROM can hold.
        """
        data = roms.build(source, format=format)
        image = self.emulator.images.put_rom(self._reference(name), data, format=format)
        blob = image.rom
        assert blob is not None
        return Rom(self._short(name), blob.path, blob.size, blob.digest)

    def python_image(
        self,
        script: str | Path,
        name: str,
        *,
        packages: Sequence[str] = (),
        files: Mapping[str, str | bytes | Path] | None = None,
        programs: Sequence[str] = images.DEFAULT_PROGRAMS,
        cmd: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Make a base image out of the interpreter that runs the tests.

        Args:
            script: The application; it becomes `/src/<its name>`.
            name: Of the image.
            packages: Distributions of this environment to take along, with what they need.
            files: More files, by their path in the guest: contents, or files of this machine.
            programs: Programs of this machine to take along.
            cmd: The command; by default `/usr/bin/python3 /src/<script>`.
            env: The application's environment.

        Returns:
            The reference, for `run`.

        Raises:
            HostNotSupported: This interpreter cannot run in a guest.
            ImageError: A file, program or distribution is missing.
        """
        images.build_python_image(
            self.emulator.images,
            Path(script),
            name=self._reference(name),
            cache=self.emulator.cache.folder("trees"),
            packages=packages,
            files=files or {},
            programs=programs,
            cmd=cmd,
            env=env,
            interpreter=sys.executable,
        )
        return self._short(name)

    def image_from_dir(
        self, path: str | Path, name: str, *, cmd: Sequence[str], env: Mapping[str, str] | None = None
    ) -> str:
        """Make a base image out of a directory that holds a root file system.

        Returns:
            The reference, for `run`.

        Raises:
            ImageError: The directory is missing or empty, or lacks the command's program.
        """
        images.build_directory_image(
            self.emulator.images, Path(path), name=self._reference(name), cmd=cmd, env=env
        )
        return self._short(name)

    def list_images(self) -> list[Image]:
        """All images that can be run or attached."""
        return list(self.emulator.images.images())

    def stub_image(self, name: str, *, cmd: Sequence[str] = ("/app",)) -> str:
        """Make an image that exists in name only: stubs run it, a VM cannot.

        It takes no program of this machine, so state-only tests work where nothing was set up.

        Returns:
            The reference, for `run` and for the API.
        """
        with tempfile.NamedTemporaryFile() as empty:
            empty.write(bytes(roms.PAGE))
            empty.flush()
            self.emulator.images.put_image(
                self._reference(name), Path(empty.name), format="raw", args=tuple(cmd)
            )
        return self._short(name)

    def _reference(self, name: str) -> str:
        return name if "/" in name else f"{self.user}/{name}"

    def _short(self, name: str) -> str:
        return images.Reference.parse(self._reference(name)).short
