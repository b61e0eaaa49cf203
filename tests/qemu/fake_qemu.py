"""Stands in for QEMU and the guest agent: plays one part, told by the name of the kernel it is given.

Speaks QMP, prints to the console and answers the agent's frames over the inherited sockets, so that
what becomes of a machine can be tested in milliseconds, and ends that no real guest makes on demand.

It can be saved and restored: what it is goes into its state, what it did into the file of its memory,
and it goes on only from what fits together. What it was told stands in a journal beside the kernel.
"""

import functools
import hashlib
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path


def descriptor(name):
    for argument in sys.argv:
        if found := re.match(rf"socket,id={name},fd=(\d+)", argument):
            return socket.socket(fileno=int(found[1]))
    raise SystemExit(f"no {name} among {sys.argv}")


def option(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else ""


KERNEL = Path(option("-kernel"))
PART = KERNEL.name
MEMORY = re.match(r"memory-backend-file,id=ram,size=(\d+)M,mem-path=(\S+),share=(on|off)$", option("-object"))
RESTORED = option("-incoming") == "defer"
ROLE = "cold" if MEMORY is None else "starts" if MEMORY[3] == "off" else "mounts" if RESTORED else "boots"
"""What this machine is for: a cold boot, an instance from a layer, the making of layer 2 or of layer 1."""
if ROLE == "starts" and "hostfwd" not in option("-netdev"):
    # It came up before its instance, for no port yet. The instances of such tests all have ports.
    PART = PART.removesuffix(" as spare")
STEPS = ("booted", "mounted")
SLOT_OF_STEP = 5 << 20
"""Where in memory a step leaves its mark, from the one before it."""
PADDING = b"registers" * 50_000
"""A state is larger than what a socket takes at once."""

waiting = []
running = threading.Event()
restored = threading.Event()
booted = []
done = []
passed = []
abilities = set()
files = {}
disks = {}
saying = threading.Lock()
agent, console, monitor = descriptor("agent"), descriptor("console"), descriptor("monitor")


def frame(*fields):
    body = b"".join(struct.pack("<I", len(field)) + field + b"\0" for field in fields)
    agent.sendall(struct.pack("<I", len(body)) + body)


def frames():
    stream = agent.makefile("rb")
    while head := stream.read(4):
        body = stream.read(struct.unpack("<I", head)[0])
        fields, at = [], 0
        while at < len(body):
            (size,) = struct.unpack_from("<I", body, at)
            fields.append(body[at + 4 : at + 4 + size])
            at += 5 + size
        yield fields


def speak_qmp():
    version = {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}
    say({"QMP": {"version": version, "capabilities": []}})
    ports = re.findall(r":(\d+)(?:,|$)", option("-netdev"))
    for request in requests():
        answer, after = obey(request["execute"], request.get("arguments", {}), ports)
        say({**answer, "id": request.get("id")})
        if after is not None:
            threading.Thread(target=after, daemon=True).start()


def obey(command, arguments, ports):  # noqa: C901 - one branch for each command
    """The answer to a request, and what is to be done after it."""
    after = refused = None
    answer = {}
    match command:
        case "human-monitor-command":
            answer = network(arguments["command-line"], ports)
        case "migrate-set-capabilities" if PART == "knows no such capability":
            refused = "Parameter 'capability' does not accept value 'x-ignore-shared'"
        case "migrate-set-capabilities":
            abilities.update(each["capability"] for each in arguments["capabilities"] if each["state"])
        case "getfd" if not passed:
            refused = "No file descriptor supplied via SCM_RIGHTS"
        case "migrate" if arguments["uri"] != "fd:state" or "x-ignore-shared" not in abilities:
            refused = f"cannot migrate to {arguments['uri']} with {sorted(abilities)}"
        case "migrate":
            after = save
        case "migrate-incoming" if not RESTORED or "x-ignore-shared" not in abilities:
            refused = "'-incoming' was not specified on the command line"
        case "migrate-incoming":
            after = functools.partial(restore, int(arguments["uri"].removeprefix("fd:")))
        case "blockdev-add":
            refused = add_file(**arguments)
        case "blockdev-reopen":
            (disk,) = arguments["options"]
            refused = refill(**disk)
    if refused is not None:
        return {"error": {"class": "GenericError", "desc": refused}}, None
    return {"return": answer}, after


def network(line, ports):
    if line.startswith("hostfwd_add"):
        ports.append(line.rsplit(":", 1)[1])
    return "".join(
        f"  TCP[HOST_FORWARD]  14  127.0.0.1 4{port}  10.0.2.15  {port}  0  0\r\n" for port in ports
    )


def add_file(driver, filename, **options):
    if PART == "dies at blockdev-add":
        os.kill(os.getpid(), signal.SIGKILL)
    if PART == "hangs at blockdev-add":
        note("hangs")
        signal.pause()
    if (driver, options["read-only"], Path(filename).is_file()) != ("file", True, True):
        return f"Could not open '{filename}'"
    files[options["node-name"]] = filename
    return None


def refill(driver, file, **options):
    """Put a file into an empty disk; the reason if that cannot be."""
    node = options["node-name"]
    if PART == "refuses blockdev-reopen":
        return f"Cannot change the option 'file' of '{node}'"
    if file not in files:
        return f"Cannot find device='' nor node-name='{file}'"
    if (driver, options["read-only"], disks.get(node)) != ("raw", True, "null-co"):
        return f"'{node}' is no empty disk"
    disks[node] = "file"
    note(f"inserts {files[file]} into {node}")
    return None


def save():
    """Write the state to the descriptor that was passed; the file of the memory has the rest."""
    end = passed.pop()
    tell("active")
    state = {"steps": done, "memory": option("-m"), "padding": hashlib.sha256(PADDING).hexdigest()}
    text = json.dumps(state).encode().ljust(1024) + PADDING
    if PART == "cannot be saved" or (PART == "cannot be saved when mounted" and ROLE == "mounts"):
        os.write(end, text[:100])
        os.close(end)
        tell("failed")
        return
    if PART in {"dies while saved", "hangs while saved"}:
        os.write(end, text[:100])
        note("half saved")
        if PART == "dies while saved":
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
    with os.fdopen(end, "wb") as stream:
        stream.write(text)
    tell("completed")


def tell(status):
    if "events" in abilities:
        moment = {"seconds": 0, "microseconds": 0}
        say({"event": "MIGRATION", "data": {"status": status}, "timestamp": moment})


def restore(end):
    with os.fdopen(end, "rb") as stream:
        text = stream.read()
    try:
        state = json.loads(text[:1024])
        whole = hashlib.sha256(text[1024:]).hexdigest() == state["padding"] and state["memory"] == option(
            "-m"
        )
    except ValueError:
        whole = False
    if not whole or "unknown" in marks(state["steps"]):
        give_up("load of migration failed: Invalid argument")
    done.extend(state["steps"])
    if ROLE == "starts" and PART == "aborts at state":
        os.abort()
    if ROLE == "starts" and PART in {"refuses state", f"refuses {done[-1]} state"}:
        give_up("load of migration failed: Operation not permitted")
    restored.set()


def give_up(words):
    print(f"qemu: {words}", file=sys.stderr, flush=True)
    os._exit(1)


def marks(steps):
    """What stands in memory where each step left its mark. Opened to write, as QEMU does it in any case."""
    with Path(MEMORY[2]).open("r+b", buffering=0) as memory:
        for step in steps:
            memory.seek(SLOT_OF_STEP * (1 + STEPS.index(step)))
            yield step if memory.read(len(step)) == step.encode() else "unknown"


def take_step(step):
    done.append(step)
    if MEMORY is not None and MEMORY[3] == "on":
        with Path(MEMORY[2]).open("r+b", buffering=0) as memory:
            memory.seek(SLOT_OF_STEP * (1 + STEPS.index(step)))
            memory.write(step.encode())


def note(words):
    with KERNEL.with_name("journal").open("a") as journal:
        journal.write(f"{os.getpid()} {ROLE}: {words}\n")


def say(document):
    with saying:
        monitor.sendall(json.dumps(document).encode() + b"\n")


def requests():
    """Requests follow one another without any line end, as QEMU's parser takes them."""
    text = ""
    while received := socket.recv_fds(monitor, 65536, 1):
        text += received[0].decode()
        passed.extend(received[1])
        if not received[0]:
            return
        while text.strip():
            try:
                request, end = json.JSONDecoder().raw_decode(text.lstrip())
            except json.JSONDecodeError:
                break
            text = text.lstrip()[end:]
            yield request


def main():
    if PART == "refuses":
        sys.exit("qemu: no such machine")
    for argument in sys.argv:
        if argument.startswith('{"node-name"'):
            disk = json.loads(argument)
            disks[disk["node-name"]] = disk["file"]["driver"]
    threading.Thread(target=speak_qmp, daemon=True).start()
    end_early()
    note("begins")
    if RESTORED:
        restored.wait()
    elif ROLE == "boots":
        take_step("booted")
        frame(b"ready", b"1")
    for verb, *fields in frames():
        note(" ".join(field.decode(errors="replace") for field in (verb, *fields[:3])))
        hear(verb.decode(), fields)
    if PART == "outlives":
        signal.pause()


def end_early():
    if PART == "panics":
        console.sendall(b"Kernel panic - not syncing: no init\r\n")
        sys.exit(0)
    if PART == "lacks memory":
        sys.exit(0)
    if PART == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if PART == "hangs" or (PART == "hangs when restored" and ROLE == "starts"):
        signal.pause()


def hear(verb, fields):  # noqa: C901 - one branch for each order
    match verb:
        case "wake" if PART == "never wakes" and ROLE == "starts":
            signal.pause()
        case "wake":
            booted.append(time.time_ns())
            frame(b"awake")
        case "prepare":
            frame(b"prepared")
        case "warm" if PART != "never warms":
            frame(b"warmed", b"0")
        case "root":
            mount()
        case "start":
            start(fields)
            running.set()
        case "watch":
            threading.Thread(target=listen, args=(fields[0],), daemon=True).start()
        case "stop" if PART != "ignores stop":
            if PART == "answers late":
                answer(waiting.pop())
            frame(b"exited", b"143")
            sys.exit(0)
        case "exec" if PART == "dies at exec":
            sys.exit(3)
        case "exec" if PART == "answers late":
            waiting.append(fields[0])
        case "exec":
            answer(fields[0])


def mount():
    if PART == "cannot mount" and ROLE == "mounts":
        frame(b"failed", b"cannot mount the root file system, erofs: Invalid argument")
        return
    if ROLE == "cold":
        frame(b"ready", b"1")
        booted.append(time.time_ns())
    take_step("mounted")
    frame(b"root")


def answer(identifier):
    frame(b"output", identifier, b"stdout", b"\x00bytes\xff")
    frame(b"output", identifier, b"stderr", b"words")
    frame(b"done", identifier, b"7")


def listen(port):
    running.wait()
    if PART != "listens elsewhere":
        frame(b"ports", port)
        frame(b"listening", port)


def start(fields):
    pairs = dict(zip(fields[::2], fields[1::2], strict=True))
    if ROLE != "cold" and done != list(STEPS):
        frame(b"failed", f"nothing can start after {done}".encode())
        return
    if PART in {"fails", "fails twice"}:
        for _ in range(1 if PART == "fails" else 2):
            frame(b"failed", b"cannot run /bin/nothing: No such file or directory")
        return
    frame(b"mounted", b"2")
    # Whoever tells the time before the guest is up tells an old one.
    greeting = b"hello " if int(pairs[b"time"]) >= booted[0] else b"too early, "
    console.sendall(greeting + pairs[b"hostname"] + b"\r\n")
    frame(b"running", b"3")
    if PART == "listens elsewhere":
        frame(b"ports", b"9090", b"127.0.0.1:8080")
    if PART == "prints a panic":
        console.sendall(b"as in: Kernel panic - not syncing\n")
        frame(b"exited", b"0")
        sys.exit(0)
    if PART == "exits":
        frame(b"exited", b"3")
        sys.exit(0)
    if PART == "runs out of memory":
        console.sendall(b"Out of memory: Killed process 42 (python3)\r\n")
        frame(b"exited", b"137")
        sys.exit(0)


main()
