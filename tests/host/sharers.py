"""Who shares a budget: this process, which asks for turns, and others that do as they are told."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

PEER = """
import asyncio, json, os, resource, sys, threading
from pathlib import Path
from ukrom.host import Budget

shared = Budget(Path(sys.argv[1]), json.loads(sys.argv[2]))
claims = {}

def tell(*words):
    print(json.dumps(words), flush=True)

async def claim(label, amounts):
    claims[label] = await shared.claim(amounts, label, lambda text: tell("waits", label, text))
    tell("holds", label)

def do(verb, *args):
    if verb == "claim":
        tasks.append(loop.create_task(claim(*args)))
    elif verb == "limit":
        resource.setrlimit(getattr(resource, args[0]), (args[1], args[1]))
    elif verb == "why":
        tell("why", shared.shared, shared.why_not)
    elif verb == "fork":
        if os.fork() == 0:
            claims[args[0]].release()
            tell("forked", os.getpid())
            os.read(0, 1)
            os._exit(0)
    else:
        getattr(claims[args[0]], verb)(*args[1:])

def listen():
    for line in sys.stdin:
        loop.call_soon_threadsafe(do, *json.loads(line))
    loop.call_soon_threadsafe(loop.stop)

tasks = []
loop = asyncio.new_event_loop()
threading.Thread(target=listen, daemon=True).start()
loop.run_forever()
"""


class Peer:
    """Another process that shares the budget; it does as it is told, and tells what comes of it."""

    def __init__(self, folder, capacity):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PEER, str(folder), json.dumps(capacity)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def do(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return tuple(json.loads(self.process.stdout.readline()))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.kill()
        self.process.communicate()


class Turn:
    """A claim that somebody of this process asks for."""

    def __init__(self, shared, amounts, label="ours"):
        self.texts = []
        self._waits = asyncio.Event()
        self.task = asyncio.create_task(shared.claim(amounts, label, self._hear))

    def _hear(self, text):
        self.texts.append(text)
        self._waits.set()

    async def waits(self):
        """Return once it was told to wait; gives the reason."""
        await self._waits.wait()
        assert not self.task.done()
        return self.texts[0]

    async def release(self):
        (await self.task).release()


def play(coroutine):
    async def bounded():
        async with asyncio.timeout(60):
            return await coroutine

    return asyncio.run(bounded())


def claims_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")
