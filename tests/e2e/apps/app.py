"""Answers `/` with what the ROM's module says, and any other path with the file of that name.

Written on bare sockets: importing http.server alone takes an emulated guest two seconds.
"""

import contextlib
import os
import signal
import socket
import sys


def read(path):
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slow to import in an emulated guest
        return file.read()


rom = {}
with contextlib.suppress(FileNotFoundError):
    exec(read("/rom/rom.py"), rom)


def answer(path):
    if path == "/":
        return rom["function"]()
    if path == "/hang":
        print("a request hangs")
        signal.pause()
    return read(path)


server = socket.create_server(("0.0.0.0", int(os.environ.get("PORT", "8080"))))
print("app: listening, arguments", sys.argv[1:])
while True:
    connection, _ = server.accept()
    with connection:
        path = connection.recv(65536).split()[1].decode()
        try:
            body = answer(path)
            status = "200 OK"
        except OSError as error:
            body, status = str(error), "404 Not Found"
        body = body.encode() if isinstance(body, str) else body
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
