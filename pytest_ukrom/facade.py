"""What the fixtures hand to a test: one account of the emulated cloud, and the tools around it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_ukrom.calls import Calls
from pytest_ukrom.errors import InstanceFailed, Refused
from pytest_ukrom.instance import Instance
from pytest_ukrom.rom import Rom, RomAttachment
from ukrom import images, roms
from ukrom.cloud import NoAnswer
from ukrom.errors import ImageNotFound, UkromError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    import httpx

    from ukrom.cloud import Account, Image, InstanceSnapshot, StubRunner
    from ukrom.emulator import Emulator
    from ukrom.qemu import QemuMachine

__all__ = ["Ukrom"]

_CONSOLE_LINES = 40
_HTTPS = 443
_ANSWER_S = 60.0


class Ukrom:
    """One account of the emulated cloud; the fixtures `ukrom`, `ukrom_session` and `ukrom_api` are this.

    Args:
        emulator: A started emulator.
        account: Whose resources it makes and sees.
        need_machine: Called before an instance runs; skips or fails the test where none can.
        lasting: Whether tests share it.
    """

    def __init__(
        self, emulator: Emulator, account: Account, need_machine: Callable[[], None], *, lasting: bool = False
    ) -> None:
        self.emulator = emulator
        self.account = account
        self.lasting = lasting
        self.kept: set[UUID] = set()
        """Instances whose machines stay up when the fixture ends; see `--ukrom-keep`."""
        self._calls = Calls(emulator, account)
        self._need_machine = need_machine
        self._at_end: list[Callable[[], None]] = [self._calls.close]

    @property
    def url(self) -> str:
        """The API's base URL; ends in `/v1`."""
        return self.emulator.url

    @property
    def token(self) -> str:
        """The account's bearer token."""
        return self.account.token

    @property
    def user(self) -> str:
        """The account's name, and its namespace among the images."""
        return self.account.user

    @property
    def metro(self) -> str:
        """The emulated metro's code."""
        return self.emulator.settings.metro

    @property
    def ca_file(self) -> Path:
        """A PEM file with the system's CAs and the emulator's own, for clients outside of Python."""
        return self.emulator.ca_file

    @property
    def http_port(self) -> int:
        """The loopback port that stands for public port 80 of every instance, and serves the API."""
        return self.emulator.ingress.http_port

    @property
    def https_port(self) -> int:
        """The loopback port that stands for public port 443: TLS by server name, with `ca_file`."""
        return self.emulator.ingress.https_port

    @property
    def stub(self) -> StubRunner:
        """Says what answers for an image where no VM runs: `ukrom_api.stub.answer("web", app)`."""
        return self.emulator.stub

    # ROMs and images.

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

    # Instances.

    def run(
        self,
        image: str,
        *,
        name: str | None = None,
        roms: Iterable[Rom | RomAttachment | Mapping[str, Any]] = (),
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] | None = None,
        memory_mb: int | None = None,
        **fields: Any,
    ) -> Instance:
        """Create an instance, start it, and wait until it runs; with `port`, until it answers.

        Args:
            image: The base image.
            name: Of the instance; the platform generates one if it is left out.
            roms: What `Rom.attach` gave, or the wire form, inline ROMs included; a `Rom` itself is
                a bare device with a generated name.
            port: Where the application listens; published as https, under the name as domain.
            env: Added to the image's environment.
            args: Instead of the image's command.
            memory_mb: RAM in MiB; the platform's default is 128.
            fields: Any other field of a create (specification, Part C.2).

        Raises:
            Refused: The platform refuses the create.
            InstanceFailed: It did not come up, ended, or does not listen on `port`; with its console.
            UkromError: Both `port` and a `service_group` were given.
        """
        self._calls.check_open()
        self._need_machine()
        if port is not None and "service_group" in fields:
            raise UkromError("`port` makes a service group, and `service_group` names one: give only one.")
        body: dict[str, Any] = {"image": image, "autostart": True, **fields}
        if body["autostart"]:
            body.setdefault("timeout_s", -1)
        given = {"name": name, "env": env, "args": args, "memory_mb": memory_mb}
        body |= {key: value for key, value in given.items() if value is not None}
        attached = [_attached(rom) for rom in roms]
        if attached:
            body["roms"] = attached
        if port is not None:
            body["service_group"] = _service(port, name)
        item = self._create(body)
        instance = Instance(self, str(item["uuid"]))
        if body["autostart"]:
            self.await_answering(instance)
        return instance

    def instance(self, name: str) -> Instance:
        """The instance of a name, however it was made.

        Raises:
            Refused: There is none.
        """
        return Instance(self, str(self.call("GET", "/instances", query={"name": name})["uuid"]))

    def snapshots(self) -> tuple[InstanceSnapshot, ...]:
        """All instances of the account, as reports show them."""
        return self.emulator.cloud.instances(self.account)

    def console(self, uuid: str, lines: int = _CONSOLE_LINES) -> str:
        """The end of an instance's console."""
        for snapshot in self.snapshots():
            if str(snapshot.uuid) == uuid:
                return "\n".join(snapshot.console.decode(errors="replace").splitlines()[-lines:])
        return ""

    def await_answering(self, instance: Instance) -> None:
        """Wait until an instance listens where its services send to.

        Raises:
            InstanceFailed: It ended, or listens elsewhere only, or takes too long.
        """
        gateway = self.emulator.cloud.gateway
        for fqdn, port in self._published(instance):
            route = gateway.route(fqdn, port)
            if route is None:
                continue
            try:
                gateway.lease(route).result().release()
            except NoAnswer as reason:
                raise InstanceFailed(
                    f"Instance {instance.name} does not answer: {reason.message}",
                    console=self.console(instance.uuid),
                ) from None

    # What the pieces share.

    def call(
        self, method: str, path: str, *, json: Any = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Call an operation of the API; gives the first item of its answer.

        Raises:
            Refused: The platform refuses the call or the item.
            UkromError: The fixture has ended.
        """
        return self._calls.call(method, path, json=json, query=query)

    def public_url(self, group: str, fqdn: str) -> str:
        """The URL of a domain of a service group; https if there is a choice."""
        item = self.call("GET", f"/services/{group}", query={"details": "true"})
        ports = sorted((service["port"] for service in item["services"]), key=lambda port: port != _HTTPS)
        port = ports[0]
        scheme = "http" if port == 80 else "https"
        return f"{scheme}://{fqdn}" if port in {80, _HTTPS} else f"{scheme}://{fqdn}:{port}"

    def machine(self, uuid: UUID) -> QemuMachine:
        """The real machine of an instance.

        Raises:
            UkromError: It has none: it does not run, runs only as a stub, or the fixture has ended.
        """
        self._calls.check_open()
        return self.emulator.machine(uuid)

    def ingress_transport(self) -> httpx.BaseTransport:
        """A transport under which every host name leads to the emulator.

        Raises:
            UkromError: The fixture has ended.
        """
        self._calls.check_open()
        return self.emulator.ingress.transport()

    def async_ingress_transport(self) -> httpx.AsyncBaseTransport:
        """The same for asynchronous clients."""
        self._calls.check_open()
        return self.emulator.ingress.async_transport()

    @property
    def patience(self) -> float:
        """How much longer things take here than on a machine with working KVM."""
        return (self.account.runner or self.emulator.cloud.runner).speed

    @property
    def answer_timeout(self) -> float:
        """Seconds that a client of an instance waits for an answer."""
        return _ANSWER_S * self.patience

    def at_end(self, call: Callable[[], None]) -> None:
        """Have something called when the fixture ends."""
        self._at_end.append(call)

    def close(self) -> None:
        """End what the fixture opened; its resources are the reset's business."""
        while self._at_end:
            self._at_end.pop()()

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create an instance; if it stopped on the way, say why and show its console."""
        before = {snapshot.uuid for snapshot in self.snapshots()}
        try:
            return self.call("POST", "/instances", json=body)
        except Refused as refusal:
            refusal.remedy = self._known_instead(body, refusal.message)
            for snapshot in self.snapshots():
                if snapshot.uuid not in before and snapshot.failure:
                    raise InstanceFailed(
                        f"Instance {snapshot.name} did not come up: {snapshot.failure}",
                        console=self.console(str(snapshot.uuid)),
                        remedy=refusal.remedy,
                    ) from None
            raise

    def _known_instead(self, body: dict[str, Any], refusal: str) -> str | None:
        """What can be had instead, if a create was refused for an image that is not there."""
        for asked in (body, *body.get("roms", ())):
            if isinstance(reference := asked.get("image"), str) and f"'{reference}'" in refusal:
                try:
                    self.emulator.images.resolve(reference)
                except ImageNotFound as error:
                    return error.remedy
                except UkromError:
                    return None
        return None

    def _published(self, instance: Instance) -> list[tuple[str, int]]:
        group = instance.read().get("service_group")
        if not group or not group.get("domains"):
            return []
        item = self.call("GET", f"/services/{group['uuid']}", query={"details": "true"})
        return [(group["domains"][0]["fqdn"], service["port"]) for service in item["services"]]

    def _reference(self, name: str) -> str:
        return name if "/" in name else f"{self.user}/{name}"

    def _short(self, name: str) -> str:
        return images.Reference.parse(self._reference(name)).short


def _attached(rom: Rom | RomAttachment | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(rom, Rom):
        rom = rom.attach()
    return dict(rom.request() if isinstance(rom, RomAttachment) else rom)


def _service(port: int, name: str | None) -> dict[str, Any]:
    group: dict[str, Any] = {
        "services": [{"port": _HTTPS, "destination_port": port, "handlers": ["tls", "http"]}]
    }
    if name is not None:
        group["domains"] = [{"name": name}]
    return group
