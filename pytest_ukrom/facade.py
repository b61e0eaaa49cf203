"""What the fixtures hand to a test: one account of the emulated cloud, and the tools around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_ukrom.calls import Calls
from pytest_ukrom.errors import InstanceFailed, Refused
from pytest_ukrom.images import ImageMaker
from pytest_ukrom.instance import Instance
from pytest_ukrom.rom import Rom, RomAttachment
from ukrom.cloud import NoAnswer
from ukrom.errors import ImageNotFound, UkromError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    import httpx

    from ukrom.cloud import Account, InstanceSnapshot
    from ukrom.emulator import Emulator
    from ukrom.qemu import QemuMachine

__all__ = ["Ukrom"]

_CONSOLE_LINES = 40
_HTTPS = 443
_ANSWER_S = 60.0


class Ukrom(ImageMaker):
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
        super().__init__(emulator, account)
        self.lasting = lasting
        self.kept: set[UUID] = set()
        """Instances whose machines stay up when the fixture ends; see `--ukrom-keep`."""
        self._calls = Calls(emulator, account)
        self._need_machine = need_machine
        self._at_end: list[Callable[[], None]] = [self._calls.close]

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
