from __future__ import annotations

import os
import subprocess
import sys

from ukrom.cloud import Usage
from ukrom.qemu.usage import usage_of

BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\ninput()"


def test_usage_of_a_process_is_read():
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        usage = usage_of(process.pid)
        process.communicate(b"\n")

    assert usage.cpu_time_ms >= 190
    assert usage.rss_bytes > 1_000_000


def test_process_that_is_gone_uses_nothing():
    process = subprocess.Popen(["true"])
    process.wait()

    assert usage_of(process.pid) == Usage()


def test_own_memory_is_in_bytes():
    assert usage_of(os.getpid()).rss_bytes % os.sysconf("SC_PAGE_SIZE") == 0
