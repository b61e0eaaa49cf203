"""Instances from snapshot layers: fresh in all that an application can see, and never from a bad layer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_ukrom.facade import Ukrom
from ukrom.emulator import Emulator, Settings

APP = Path(__file__).parent / "apps/app.py"
IDLE = ("sleep", "600")

FACTS = """
import json, os, time
def read(path):
    return open(path).read().strip()
print(json.dumps({
    "boot id": read("/proc/sys/kernel/random/boot_id"),
    "kernel's random": os.urandom(16).hex(),
    "hash seed": hash("text"),
    "address of a heap": hex(id(object())),
    "now": time.time(),
    "argv": os.sys.argv[1:], "colour": os.environ["COLOUR"], "host": os.uname().nodename,
    "tmp": os.listdir("/tmp"), "run": os.listdir("/run"),
    "home": os.path.exists(os.path.expanduser("~/.cache")),
    "processes": [read(f"/proc/{pid}/comm") for pid in os.listdir("/proc") if pid.isdigit()
                  if read(f"/proc/{pid}/cmdline")],
    "mounts": [line.split()[1] for line in read("/proc/mounts").splitlines()],
}), flush=True)
time.sleep(600)
"""


@contextmanager
def emulator(**settings):
    """An account of an emulator of its own, in this process, with real VMs."""
    with Emulator(Settings(runner="qemu", **settings)) as started:
        account = started.cloud.open_account("layers")
        ukrom = Ukrom(started, account, lambda: None)
        try:
            yield ukrom
        finally:
            ukrom.close()
            started.reset(account)


@pytest.fixture
def own_cache(tmp_path, cache_folder, monkeypatch):
    """A cache with all of the user's but the layers."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for entry in cache_folder.iterdir():
        if entry.name not in {"layers", "budget"}:
            (cache / entry.name).symlink_to(entry)
    monkeypatch.setenv("UKROM_CACHE", str(cache))
    return cache


@pytest.fixture
def started_from(machine_of):
    """Which layer an instance came from: 2, 1, or 0 for a cold boot."""

    def started_from(ukrom, instance):
        return machine_of(ukrom, instance).layer

    return started_from


def told(instance, until):
    def whole():
        return [line for line in instance.logs().splitlines() if line.startswith("{") and line.endswith("]}")]

    return json.loads(until(whole, "it told")[0])


def test_instances_of_one_layer_share_nothing(ukrom, app, until, started_from):
    """Their application, its words and settings, names, time, chance and files are each one's own."""
    asked = time.time()
    instances = [
        ukrom.run(
            app,
            name=f"fresh-{number}",
            args=["python3", "-c", FACTS, f"word-{number}"],
            env={"COLOUR": f"colour-{number}"},
        )
        for number in range(3)
    ]

    facts = [told(instance, until) for instance in instances]

    assert [started_from(ukrom, instance) for instance in instances] == [2, 2, 2]
    for kind in ("boot id", "kernel's random", "hash seed", "address of a heap"):
        assert len({str(fact[kind]) for fact in facts}) == 3, kind
    for number, fact in enumerate(facts):
        assert (fact["argv"], fact["colour"], fact["host"]) == (
            [f"word-{number}"],
            f"colour-{number}",
            f"fresh-{number}",
        )
        assert asked - 1 < fact["now"] < time.time() + 1
        assert (fact["tmp"], fact["run"], fact["home"]) == ([], [], False)
        assert sorted(fact["processes"]) == ["init", "python3"]
        assert not [mount for mount in fact["mounts"] if "trac" in mount or "debug" in mount]


def test_what_one_writes_the_other_does_not_see(ukrom, app):
    """The same file of the image and the same pages of it, in two machines at the same time."""
    first, second = (ukrom.run(app, name=f"twin-{number}", args=IDLE) for number in (1, 2))
    write = ["sh", "-c", 'echo "$0" > /etc/os-release && echo "$0" > /src/app.py && sync; cat /src/app.py']

    assert first.exec([*write, "first"]).output == "first\n"
    assert second.exec([*write, "second"]).output == "second\n"

    third = ukrom.run(app, name="later", args=IDLE)
    read = ["sh", "-c", "cat /etc/os-release /src/app.py"]
    assert first.exec(read).output == "first\nfirst\n"
    assert second.exec(read).output == "second\nsecond\n"
    assert third.exec(["cat", "/src/app.py"]).output == APP.read_text()


def test_clock_goes_on_as_the_host_s_does(ukrom, app):
    """A layer was made at some other time; an instance of it knows neither that time nor that pace."""
    instance = ukrom.run(app, args=IDLE)
    command = ["python3", "-c", "import time; print(time.time(), time.monotonic())"]

    before, first, between = time.time(), instance.exec(command).output.split(), time.time()
    until_now = time.time()
    second = instance.exec(command).output.split()

    assert before - 0.5 < float(first[0]) < between + 0.5
    assert until_now - 0.5 < float(second[0]) < time.time() + 0.5
    passed = float(second[0]) - float(first[0])
    assert float(second[1]) - float(first[1]) == pytest.approx(passed, abs=0.01)


def damaged(layer):
    """One bit of the guest's memory is another."""
    content = bytearray(layer.read_bytes())
    content[8 << 20] ^= 1
    return content


def half_written(layer):
    return layer.read_bytes()[: 32 << 20]


def foreign(layer):
    """A sound layer, but of something else."""
    (other,) = (path for path in layer.parent.glob("*.layer") if path != layer)
    return other.read_bytes()


def test_bad_layers_are_made_anew_and_never_used(own_cache, started_from, caplog):
    """A sound layer is used by the next run; one that is damaged, cut off or foreign is replaced."""
    folder = own_cache / "layers"
    with emulator() as ukrom:
        assert started_from(ukrom, ukrom.run(ukrom.python_image(APP, name="app"), args=IDLE)) == 2
    layers = sorted(folder.glob("*.layer"))
    assert len(layers) == 2

    for spoil in (None, damaged, half_written, foreign):
        if spoil:
            for layer, content in [(layer, spoil(layer)) for layer in layers]:
                layer.write_bytes(content)
        before = [layer.stat().st_mtime_ns for layer in layers]
        caplog.clear()
        with emulator() as ukrom:
            instance = ukrom.run(ukrom.python_image(APP, name="app"), args=IDLE)
            assert started_from(ukrom, instance) == 2
            assert instance.exec(["cat", "/src/app.py"]).output == APP.read_text()
        made_anew = [layer.stat().st_mtime_ns != moment for layer, moment in zip(layers, before, strict=True)]
        assert made_anew == [spoil is not None] * 2
        assert ("is not used" in caplog.text) is (spoil is not None)


def test_every_setting_that_matters_has_layers_of_its_own(own_cache, started_from):
    """Memory, processors, image: an instance never starts from the layer of another kind of machine."""
    with emulator() as ukrom:
        image = ukrom.python_image(APP, name="app")
        plain = ukrom.run(image, args=IDLE)
        large = ukrom.run(image, args=IDLE, memory_mb=256)
        assert {started_from(ukrom, plain), started_from(ukrom, large)} == {2}
        free = "import os; print(os.sysconf('SC_PHYS_PAGES') * 4 // 1024, os.cpu_count())"
        small_mb, cpus = map(int, plain.exec(["python3", "-c", free]).output.split())
        large_mb, _ = map(int, large.exec(["python3", "-c", free]).output.split())
    assert (cpus, small_mb < 128 < large_mb < 256) == (1, True)
    assert len(list((own_cache / "layers").glob("*.layer"))) == 4


def test_without_layers_everything_works_from_a_cold_boot(own_cache, until, started_from):
    with emulator(layers=False) as ukrom:
        image = ukrom.python_image(APP, name="app")
        instance = ukrom.run(
            image, name="cold", args=["python3", "-c", FACTS, "word"], env={"COLOUR": "blue"}
        )
        fact = told(instance, until)
        assert started_from(ukrom, instance) == 0
    assert (fact["argv"], fact["colour"], fact["host"], fact["tmp"]) == (["word"], "blue", "cold", [])
    assert not (own_cache / "layers").exists()


def test_layers_that_cannot_be_stored_cost_time_and_nothing_else(own_cache, started_from, caplog):
    (own_cache / "layers").write_text("a file where the folder should be")

    with emulator() as ukrom:
        image = ukrom.python_image(APP, name="app")
        instance = ukrom.run(image, args=IDLE)
        assert started_from(ukrom, instance) == 0
        assert instance.exec(["sh", "-c", "echo up"]).output == "up\n"

    assert "instances start without the snapshot layer" in caplog.text


def test_layers_stay_below_their_limit(own_cache, monkeypatch):
    monkeypatch.setenv("UKROM_LAYERS_MB", "200")
    with emulator() as ukrom:
        image = ukrom.python_image(APP, name="app")
        for memory in (128, 192):
            ukrom.run(image, args=IDLE, memory_mb=memory)
    (left,) = (own_cache / "layers").glob("*.layer")
    assert left.stat().st_blocks * 512 < 200 << 20


def test_maker_killed_half_way_leaves_nothing(own_cache, until):
    """SIGKILL of a run while it makes layers: no process, no file, and the next run makes them."""
    source = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_layers import APP, IDLE, emulator
        with emulator() as ukrom:
            image = ukrom.python_image(APP, name="app")
            print("now", flush=True)
            ukrom.run(image, args=IDLE)
    """
    program = "\n".join(line[8:] for line in source.splitlines())
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "now\n"
    qemu = until(lambda: offspring(run.pid), "QEMU boots to become a layer")

    run.kill()

    run.wait(10)
    run.stdout.close()
    until(lambda: not any(map(exists, qemu)), "QEMU is gone", 2)
    folder = own_cache / "layers"
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == []
    with emulator() as ukrom:
        ukrom.run(ukrom.python_image(APP, name="app"), args=IDLE)
    assert len(list(folder.glob("*.layer"))) == 2


def offspring(pid):
    """The QEMU processes of a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name.startswith("qemu-system") and int(rest.split()[1]) == pid:
            found.append(int(status.parent.name))
    return found


def exists(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
