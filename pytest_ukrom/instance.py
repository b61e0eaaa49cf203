"""One instance in the hands of a test."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from pytest_ukrom.errors import InstanceFailed, Refused
from ukrom.errors import MachineError, UkromError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_ukrom.facade import Ukrom

__all__ = ["Execution", "Instance"]

_LOG_PAGE = 16383
_EXEC_S = 60.0


@dataclass(frozen=True, slots=True)
class Execution:
    """A command that ran in the guest."""

    exit_code: int
    """0 to 255; 127 if it could not be run, 128 + signal number if a signal ended it."""
    output: str
    """What it wrote to its standard output."""
    errors: str
    """What it wrote to its standard error."""


class Instance:
    """An instance of the emulated cloud; `Ukrom.run` and `Ukrom.instance` make them.

    Everything but `exec` goes through the API or the ingress, as any client's call would.
    """

    def __init__(self, ukrom: Ukrom, uuid: str) -> None:
        self._ukrom = ukrom
        self._client: httpx.Client | None = None
        self.uuid = uuid
        self.name = str(self.read()["name"])

    def __repr__(self) -> str:
        return f"<Instance {self.name} {self.uuid}>"

    def read(self) -> dict[str, Any]:
        """The instance as the API shows it (specification, Part C.1)."""
        return self._ukrom.call("GET", f"/instances/{self.uuid}", query={"details": "true"})

    @property
    def state(self) -> str:
        """One of the platform's states, such as `running` (specification, Part D.1)."""
        return str(self.read()["state"])

    @property
    def url(self) -> str:
        """Its public URL under the real host name.

        Raises:
            UkromError: It has no service, so nothing leads to it.
        """
        group = self.read().get("service_group") or {}
        for domain in group.get("domains", ()):
            return self._ukrom.public_url(group["uuid"], domain["fqdn"])
        raise UkromError(
            f"Instance {self.name} has no service, so no URL leads to it.",
            remedy="Give `ukrom.run` the port on which the application listens: port=8080.",
        )

    def get(self, path: str = "/", **options: Any) -> httpx.Response:
        """Ask the application, through the ingress and under its real host name."""
        return self.request("GET", path, **options)

    def request(self, method: str, path: str = "/", **options: Any) -> httpx.Response:
        """Send the application any request; `options` are those of `httpx.Client.request`."""
        if self._client is None:
            self._client = self.client()
            self._ukrom.at_end(self._client.close)
        return self._client.request(method, path, **options)

    def client(self, **options: Any) -> httpx.Client:
        """A client whose base URL is the instance and which trusts the emulator's CA."""
        options = {"base_url": self.url, "timeout": self._ukrom.answer_timeout, **options}
        return httpx.Client(transport=self._ukrom.ingress_transport(), **options)

    def async_client(self, **options: Any) -> httpx.AsyncClient:
        """The same for asyncio and trio."""
        options = {"base_url": self.url, "timeout": self._ukrom.answer_timeout, **options}
        return httpx.AsyncClient(transport=self._ukrom.async_ingress_transport(), **options)

    def logs(self) -> str:
        """The console over all starts, kernel, agent and application; the latest 8 MiB of it."""
        text, seen = bytearray(), 0
        while True:
            window = {"offset": seen, "limit": _LOG_PAGE}
            item = self._ukrom.call("GET", f"/instances/{self.uuid}/log", json=window)
            got = base64.b64decode(item["output"])
            text += got
            seen = item["range"]["end"]
            if not got:
                return text.decode(errors="replace")

    def wait(self, state: str = "running", timeout: float | None = None) -> Instance:
        """Wait until the instance is in a state.

        Args:
            state: One of the platform's.
            timeout: In seconds; None waits as long as the platform does at most.

        Raises:
            InstanceFailed: It did not get there in time.
        """
        body = {"state": state, "timeout_ms": -1 if timeout is None else round(timeout * 1000)}
        try:
            self._ukrom.call("GET", f"/instances/{self.uuid}/wait", json=body)
        except Refused as refusal:
            message = f"Instance {self.name} did not become {state}: {refusal.message}."
            raise InstanceFailed(message, console=self._ukrom.console(self.uuid)) from None
        return self

    def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Execution:
        """Run a command in the guest, beside the application.

        Args:
            argv: Program and arguments; no shell.
            env: Its environment; by default the application's.
            timeout: In seconds; by default a minute, stretched where guests are emulated.

        Raises:
            UkromError: The instance does not run, or runs only as a stub.
            MachineEnded: The guest ended before the command did.
            TimeoutError: The command took too long; it goes on.
        """
        machine = self._ukrom.machine(UUID(self.uuid))
        limit = _EXEC_S * self._ukrom.patience if timeout is None else timeout
        try:
            done = machine.execute(argv, env).result(limit)
        except MachineError:
            raise  # some of them are TimeoutErrors too
        except TimeoutError:
            raise TimeoutError(
                f"{' '.join(argv)!r} did not end within {limit:.0f} s in {self.name}"
            ) from None
        return Execution(
            done.exit_code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def start(self, timeout: float | None = None) -> Instance:
        """Start it and wait until it runs and answers.

        Args:
            timeout: In seconds; None waits as long as the platform does at most.

        Raises:
            InstanceFailed: It did not come up.
        """
        body = {"timeout_s": -1 if timeout is None else round(timeout)}
        try:
            self._ukrom.call("PUT", f"/instances/{self.uuid}/start", json=body)
        except Refused as refusal:
            message = f"Instance {self.name} did not start: {refusal.message}."
            raise InstanceFailed(message, console=self._ukrom.console(self.uuid)) from None
        self._ukrom.await_answering(self)
        return self

    def stop(self, *, force: bool = False) -> Instance:
        """Stop it and wait until it has stopped, or is gone if it was to be deleted on stop.

        Args:
            force: End it at once rather than ask its application to end.
        """
        features = self.read().get("features", ())
        self._ukrom.call("PUT", f"/instances/{self.uuid}/stop", json={"force": True} if force else {})
        try:
            return self.wait("stopped")
        except InstanceFailed:
            if "delete-on-stop" in features and not self._exists():
                return self
            raise

    def _exists(self) -> bool:
        return any(str(snapshot.uuid) == self.uuid for snapshot in self._ukrom.snapshots())

    def delete(self) -> None:
        """Delete it; its machine is gone when this returns."""
        self._ukrom.call("DELETE", f"/instances/{self.uuid}", json={"timeout_s": -1})
