"""Stands in for QEMU and the guest agent: plays one part, told by the kernel "file" it is given.

Speaks QMP, prints to the console and answers the agent's frames over the inherited sockets, so that
what becomes of a machine can be tested in milliseconds, and ends that no real guest makes on demand.
"""

import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time


def descriptor(name):
    for argument in sys.argv:
        if found := re.match(rf"socket,id={name},fd=(\d+)", argument):
            return socket.socket(fileno=int(found[1]))
    raise SystemExit(f"no {name} among {sys.argv}")


PART = sys.argv[sys.argv.index("-kernel") + 1]
waiting = []
running = threading.Event()
booted = []
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
    ports = re.findall(r":(\d+)(?:,|$)", sys.argv[sys.argv.index("-netdev") + 1])
    for request in requests():
        answer = {}
        if request["execute"] == "human-monitor-command":
            command = request["arguments"]["command-line"]
            if command.startswith("hostfwd_add"):
                ports.append(command.rsplit(":", 1)[1])
            answer = "".join(
                f"  TCP[HOST_FORWARD]  14  127.0.0.1 4{port}  10.0.2.15  {port}  0  0\r\n" for port in ports
            )
        say({"return": answer, "id": request.get("id")})


def say(document):
    monitor.sendall(json.dumps(document).encode() + b"\n")


def requests():
    """Requests follow one another without any line end, as QEMU's parser takes them."""
    text = ""
    while received := monitor.recv(65536):
        text += received.decode()
        while text.strip():
            try:
                request, end = json.JSONDecoder().raw_decode(text.lstrip())
            except json.JSONDecodeError:
                break
            text = text.lstrip()[end:]
            yield request


def main():  # noqa: C901, PLR0912 - one branch for each part
    if PART == "refuses":
        sys.exit("qemu: no such machine")
    threading.Thread(target=speak_qmp, daemon=True).start()
    if PART == "panics":
        console.sendall(b"Kernel panic - not syncing: no init\r\n")
        sys.exit(0)
    if PART == "lacks memory":
        sys.exit(0)
    if PART == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if PART == "hangs":
        signal.pause()
    for verb, *fields in frames():
        if verb == b"root":
            frame(b"ready", b"1")
            booted.append(time.time_ns())
            frame(b"root")
        elif verb == b"start":
            start(fields)
            running.set()
        elif verb == b"watch":
            threading.Thread(target=listen, args=(fields[0],), daemon=True).start()
        elif verb == b"stop" and PART == "answers late":
            answer(waiting.pop())
            frame(b"exited", b"143")
            sys.exit(0)
        elif verb == b"stop" and PART != "ignores stop":
            frame(b"exited", b"143")
            sys.exit(0)
        elif verb == b"exec" and PART == "dies at exec":
            sys.exit(3)
        elif verb == b"exec" and PART == "answers late":
            waiting.append(fields[0])
        elif verb == b"exec":
            answer(fields[0])
    if PART == "outlives":
        signal.pause()


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
