"""The talk with QEMU: what it is asked to save a machine and to restore it."""

import asyncio
import json
import os
import socket
from contextlib import asynccontextmanager

import pytest

from ukrom.qemu.monitor import Monitor, MonitorGone

STATE = b"registers" * 100_000
"""More than a socket takes at once."""


class Qemu:
    """The other end of the talk: answers as told, and keeps what it was asked."""

    def __init__(self, end):
        self.asked = []
        self.passed = []
        self.refuses = None
        self._end = end
        self._end.settimeout(0)

    async def run(self, migrate=None):
        loop = asyncio.get_running_loop()
        version = {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}
        await self.say({"QMP": {"version": version, "capabilities": []}})
        text, decoder = "", json.JSONDecoder()
        while received := await self._receive(loop):
            text += received
            while text.strip():
                request, end = decoder.raw_decode(text.lstrip())
                text = text.lstrip()[end:]
                await self._answer(request, migrate)

    async def _receive(self, loop):
        readable = loop.create_future()
        loop.add_reader(self._end, lambda: readable.done() or readable.set_result(None))
        try:
            await readable
        finally:
            loop.remove_reader(self._end)
        content, passed, *_ = socket.recv_fds(self._end, 65536, 1)
        self.passed += passed
        return content.decode()

    async def _answer(self, request, migrate):
        command = request["execute"]
        self.asked.append((command, request.get("arguments")))
        if command == self.refuses:
            refusal = {"class": "GenericError", "desc": f"no {command} here"}
            return await self.say({"error": refusal, "id": request.get("id")})
        await self.say({"return": {}, "id": request.get("id")})
        if command == "migrate":
            await migrate(self)
        return None

    async def say(self, document):
        await asyncio.get_running_loop().sock_sendall(self._end, json.dumps(document).encode() + b"\n")

    async def tell(self, status):
        moment = {"seconds": 0, "microseconds": 0}
        await self.say({"event": "MIGRATION", "data": {"status": status}, "timestamp": moment})

    async def write(self, state):
        with os.fdopen(self.passed.pop(), "wb") as stream:
            await asyncio.to_thread(stream.write, state)


@asynccontextmanager
async def talk(migrate=None):
    ours, theirs = socket.socketpair()
    qemu, monitor = Qemu(theirs), Monitor()
    running = asyncio.create_task(qemu.run(migrate))
    try:
        async with asyncio.timeout(5):
            await monitor.connect(ours)
            yield qemu, monitor
    finally:
        running.cancel()
        await asyncio.wait({running})
        await monitor.close()
        for descriptor in qemu.passed:
            os.close(descriptor)
        ours.close()
        theirs.close()


def played(part_test):
    def test(descriptors):
        before = descriptors()
        asyncio.run(part_test())
        assert descriptors() == before

    test.__name__, test.__doc__ = part_test.__name__, part_test.__doc__
    return test


async def saves(qemu):
    for status in ("setup", "active"):
        await qemu.tell(status)
    await qemu.write(STATE)
    await qemu.tell("completed")


@played
async def test_a_saved_machine_gives_its_whole_state():
    async with talk(saves) as (_, monitor):
        assert await monitor.save() == STATE


@played
async def test_saving_leaves_shared_memory_in_its_file_and_is_not_slowed_down():
    async with talk(saves) as (qemu, monitor):
        await monitor.save()

    asked = dict(qemu.asked)
    assert list(asked) == [
        "qmp_capabilities",
        "getfd",
        "migrate-set-capabilities",
        "migrate-set-parameters",
        "migrate",
    ]
    capabilities = asked["migrate-set-capabilities"]["capabilities"]
    for name in ("x-ignore-shared", "events"):
        assert {"capability": name, "state": True} in capabilities
    assert asked["migrate-set-parameters"]["max-bandwidth"] >= 1 << 30
    assert asked["migrate"] == {"uri": f"fd:{asked['getfd']['fdname']}"}


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_machine_that_qemu_does_not_save_is_told(status, descriptors):
    async def fails(qemu):
        await qemu.tell("active")
        await qemu.write(STATE[:100])
        await qemu.tell(status)

    @played
    async def test():
        async with talk(fails) as (_, monitor):
            with pytest.raises(MonitorGone, match="did not save"):
                await monitor.save()

    test(descriptors)


@played
async def test_a_machine_that_was_saved_before_its_state_was_read_is_saved_all_the_same():
    async def hurries(qemu):
        await qemu.tell("completed")
        await qemu.write(b"state")

    async with talk(hurries) as (_, monitor):
        assert await monitor.save() == b"state"


@pytest.mark.parametrize(
    "command", ["getfd", "migrate-set-capabilities", "migrate-set-parameters", "migrate"]
)
def test_what_qemu_refuses_is_quoted(command, descriptors):
    @played
    async def test():
        async with talk() as (qemu, monitor):
            qemu.refuses = command
            with pytest.raises(MonitorGone, match=f"no {command} here"):
                await monitor.save()

    test(descriptors)


@played
async def test_saving_can_be_called_off():
    begun = asyncio.Event()

    async def hangs(qemu):
        begun.set()
        await asyncio.Event().wait()

    async with talk(hangs) as (_, monitor):
        saving = asyncio.create_task(monitor.save())
        await begun.wait()
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving


@played
async def test_a_machine_is_restored_from_what_it_inherited():
    async with talk() as (qemu, monitor):
        await monitor.restore(42)

    assert qemu.asked[1:] == [
        ("migrate-set-capabilities", {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}),
        ("migrate-incoming", {"uri": "fd:42"}),
    ]


@played
async def test_a_qemu_that_restores_nothing_is_quoted():
    async with talk() as (qemu, monitor):
        qemu.refuses = "migrate-incoming"
        with pytest.raises(MonitorGone, match="no migrate-incoming here"):
            await monitor.restore(42)
