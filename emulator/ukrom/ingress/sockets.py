"""Listening sockets."""

from __future__ import annotations

import socket

__all__ = ["bound_socket"]

BACKLOG = 512


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening, non-blocking TCP socket; port 0 lets the kernel choose.

    asyncio sets TCP_NODELAY only where a socket's `proto` says TCP. Without it an answer whose head
    and body are written apart takes 44 ms, measured.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 -- the standard library's own signature.
    except BaseException:
        listener.close()
        raise
    return listener
