"""The app of the base image: tells what it is, and what its ROM says."""

import json
import os
import random
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

NONCE = Path("/rom/nonce").read_text()


def read(path):
    return Path(path).read_text().strip()


def clock_of_start():
    """When this process was started, by the guest's clock."""
    ticks = int(read("/proc/self/stat").rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


FACTS = {
    "nonce": NONCE,
    "boot_id": read("/proc/sys/kernel/random/boot_id"),
    "kernel_random": os.urandom(16).hex(),
    "python_random": random.getrandbits(128).to_bytes(16).hex(),
    "hash_seed": hash("a text whose hash depends on the seed of the process"),
    "hostname": os.uname().nodename,
    "started": clock_of_start(),
    "files": sorted(path.name for path in Path("/tmp").iterdir()),
}
Path("/tmp/mine").write_text(NONCE)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({**FACTS, "now": time.time()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("", 8080), Handler).serve_forever()
