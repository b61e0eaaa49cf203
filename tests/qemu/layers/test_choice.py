"""Which layer a machine gets, who makes it, and what is done without it."""

import asyncio
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ukrom.host import Budget
from ukrom.qemu import Layers, LayerStore
from ukrom.qemu.layers.store import LayersUnusable, NewLayer
from ukrom.qemu.turns import Turns


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def started(equipment, folder):
    """The layers of a runner, as often as there are runners."""
    made = []

    def started(part="runs", *, boot_s=20.0, turns=None, **options):
        layers = Layers(
            equipment(part, **options), LayerStore(folder, 1 << 40), boot_s=boot_s, turns=turns or Turns()
        )
        made.append(layers)
        return layers

    return started


@pytest.fixture
def play(kernels, descriptors):
    """Runs a coroutine, and sees that it leaves no process and no file open behind."""

    def play(work):
        async def whole():
            async with asyncio.timeout(30):
                return await work

        before = descriptors()
        result = asyncio.run(whole())
        assert descriptors() == before
        journal = kernels / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        assert not [line for line in lines if not gone(line.split()[0])]
        return result

    return play


@pytest.fixture
def until(journal):
    """Waits until the fakes were told something."""

    async def until(line):
        while line not in journal():  # noqa: ASYNC110 - a file tells nobody that it grows
            await asyncio.sleep(0.005)

    return until


async def depth(layers, image, memory_mb=128):
    """Which layer a machine gets: 2, 1 or none."""
    layer = await layers.deepest(image, memory_mb, 1)
    if layer is None:
        return 0
    layer.close()
    return 1 + layer.holds_root


MADE = ["boots: begins", "mounts: begins"]


@pytest.fixture
def machines(journal):
    """The machines that there were to make layers, in their order."""
    return lambda: [line for line in journal() if line.endswith("begins")]


def test_both_layers_are_made_on_the_way_to_the_second(started, play, image, names, machines):
    async def work():
        layers = started()
        assert await depth(layers, image) == 2
        await layers.close()
        return layers.trouble

    assert play(work()) == {}
    assert len(names()) == 2
    assert machines() == MADE


def test_a_layer_holds_what_its_machine_had_in_memory(started, play, image):
    async def work():
        layers = started()
        layer = await layers.deepest(image, 128, 1)
        memory = os.pread(layer.descriptor, 6, 5 << 20), os.pread(layer.descriptor, 7, 10 << 20)
        layer.close()
        await layers.close()
        return memory

    assert play(work()) == (b"booted", b"mounted")


def test_all_who_want_a_layer_at_once_share_its_making(started, play, image, names, machines):
    async def work():
        layers = started()
        other = replace(image, root=replace(image.root, digest="sha256:2"))
        found = await asyncio.gather(*(depth(layers, each) for each in [image, other] * 8))
        await layers.close()
        return found

    assert play(work()) == [2] * 16
    assert len(names()) == 3
    assert sorted(machines()) == ["boots: begins", "mounts: begins", "mounts: begins"]


def test_who_comes_later_gets_the_layer_that_is_open(started, play, image, machines, folder):
    async def work():
        layers = started()
        first = await depth(layers, image)
        shutil.rmtree(folder)
        second = await depth(layers, image)
        await layers.close()
        return first, second

    assert play(work()) == (2, 2)
    assert machines() == MADE


def test_the_next_run_finds_what_the_first_has_made(started, play, image, machines):
    async def work():
        for _ in range(2):
            layers = started()
            assert await depth(layers, image) == 2
            await layers.close()

    play(work())
    assert machines() == MADE


def test_two_runners_of_one_process_make_a_layer_once(started, play, image, machines):
    async def work():
        both = started(), started()
        found = await asyncio.gather(*(depth(layers, image) for layers in both))
        for layers in both:
            await layers.close()
        return found

    assert play(work()) == [2, 2]
    assert machines() == MADE


PEER = """
import asyncio, sys
from pathlib import Path
from ukrom.cloud.ports import Image, StoredBlob
from ukrom.qemu import Equipment, Layers, LayerStore
from ukrom.qemu.turns import Turns
qemu, kernel, setpriv, folder, root = map(Path, sys.argv[1:6])
equipment = Equipment(qemu, "tcg", kernel, Path("initramfs"), setpriv, "7.2", 2_000_000)
blob = StoredBlob(root, 4096, "sha256:1", "erofs")
image = Image("oci://x", "sha256:0", "x86_64", blob, args=("/app", "-v"), warm=(("python3", "-c", "pass"),))
async def main():
    layers = Layers(equipment, LayerStore(folder, 1 << 40), boot_s=60, turns=Turns())
    layer = await layers.deepest(image, 128, 1)
    print(0 if layer is None else 1 + layer.holds_root, flush=True)
    await layers.close()
asyncio.run(main())
"""


@pytest.fixture
def run(peer, equipment, folder, image):
    """A run in a process of its own that wants a layer."""
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "there is no setpriv, which has QEMU die with its parent: run `ukrom setup`"

    def run(part="runs"):
        made = equipment(part)
        return peer(PEER, made.qemu, made.kernel, setpriv, folder, image.root.path)

    return run


def test_two_processes_make_a_layer_once(run, machines, names):
    runs = [run(), run()]

    assert [process.communicate(timeout=20)[0] for process in runs] == ["2\n", "2\n"]
    assert machines() == MADE
    assert len(names()) == 2


def test_a_run_that_is_killed_while_it_makes_a_layer_leaves_nothing(
    run, until, play, names, kernels, folder, started, image
):
    process = run("hangs while saved")

    async def work():
        await until("boots: half saved")
        process.kill()
        process.wait(10)
        (qemu,) = {line.split()[0] for line in (kernels / "journal").read_text().splitlines()}
        while not gone(qemu):  # noqa: ASYNC110 - it is no child of ours
            await asyncio.sleep(0.005)

    asyncio.run(asyncio.wait_for(work(), 20))
    assert names() == []

    async def again():
        layers = started("runs")
        assert await depth(layers, image) == 2
        await layers.close()

    play(again())


# What goes wrong.


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("cannot be saved when mounted", "QEMU did not save the machine"),
        ("cannot mount", "cannot mount the root file system, erofs: Invalid argument"),
    ],
)
def test_where_the_second_layer_fails_there_is_the_first(started, play, image, names, machines, part, why):
    async def work():
        layers = started(part)
        found = [await depth(layers, image) for _ in range(3)]
        await layers.close()
        return found, layers.trouble

    found, trouble = play(work())

    assert found == [1, 1, 1]
    (words,) = trouble.values()
    assert why in words
    assert len(names()) == 1
    assert machines() == MADE


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("cannot be saved", "QEMU did not save the machine"),
        ("dies while saved", "QEMU was killed by signal 9 before it was saved"),
        ("knows no such capability", "does not accept value 'x-ignore-shared'"),
        ("refuses", "qemu: no such machine"),
        ("panics", "The guest's kernel panicked"),
    ],
)
def test_where_both_fail_there_is_none_and_nobody_tries_again(
    started, play, image, names, journal, part, why, caplog
):
    async def work():
        layers = started(part)
        first = await depth(layers, image)
        told = journal()
        later = [await depth(layers, image) for _ in range(3)]
        assert journal() == told
        await layers.close()
        return [first, *later], layers.trouble

    found, trouble = play(work())

    assert found == [0, 0, 0, 0]
    first, second = trouble.values()
    assert why in first
    assert second == first
    assert "instances start without the snapshot layer" in caplog.text
    assert names() == []


def test_a_step_that_takes_too_long_is_given_up(started, play, image, names):
    async def work():
        layers = started("never warms")
        layers._maker._boot_s = 0.7
        found = await depth(layers, image)
        await layers.close()
        return found, [*layers.trouble.values()]

    found, (why,) = play(work())

    assert found == 1
    assert "it was not so far that the guest said 'warmed'" in why


def test_another_size_of_machine_is_not_concerned(started, play, image, monkeypatch):
    async def work():
        layers = started()
        new = layers.store.new

        def refuse(key):
            if key.of["memory_mb"] == 128:
                raise LayersUnusable("no room for 128")
            return new(key)

        monkeypatch.setattr(layers.store, "new", refuse)
        found = await depth(layers, image), await depth(layers, image, 256)
        await layers.close()
        return found

    assert play(work()) == (0, 2)


def test_a_folder_that_cannot_be_written_costs_the_layers(started, play, image, folder):
    folder.write_text("in the way")

    async def work():
        layers = started()
        found = await depth(layers, image)
        await layers.close()
        return found, layers.trouble

    found, trouble = play(work())

    assert found == 0
    assert all("No snapshot layer can be stored" in why for why in trouble.values())


def test_the_next_run_tries_again(started, play, image, names):
    async def work():
        failing, fine = started("dies while saved"), started()
        found = await depth(failing, image), await depth(fine, image)
        await failing.close()
        await fine.close()
        return found

    assert play(work()) == (0, 2)


# What is not as it was.


def test_a_layer_that_is_distrusted_is_removed_and_not_made_again(started, play, image, names, machines):
    async def work():
        layers = started()
        layer = await layers.deepest(image, 128, 1)
        layers.distrust(layer, "QEMU did not take it")
        layers.distrust(layer, "nor another one")
        layer.close()
        found = await depth(layers, image)
        await layers.close()
        return found, layers.trouble == {layer.key.digest: "nor another one"}

    assert play(work()) == (1, True)
    assert len(names()) == 1
    assert machines() == MADE


def test_the_next_run_makes_a_distrusted_layer_anew(started, play, image, names, machines):
    async def work():
        layers = started()
        layer = await layers.deepest(image, 128, 1)
        layers.distrust(layer, "QEMU did not take it")
        layer.close()
        await layers.close()
        later = started()
        found = await depth(later, image)
        await later.close()
        return found

    assert play(work()) == 2
    assert machines() == [*MADE, "mounts: begins"]


def test_an_open_layer_that_somebody_changed_is_checked_again(started, play, image, folder, machines, caplog):
    async def work():
        layers = started()
        kept = await layers.deepest(image, 128, 1)
        path = layers.store.path(kept.key)
        with path.open("r+b") as file:
            file.seek(10 << 20)
            file.write(b"changed")
        found = await layers.deepest(image, 128, 1)
        memory = os.pread(found.descriptor, 7, 10 << 20)
        kept.close()
        found.close()
        await layers.close()
        return memory

    assert play(work()) == b"mounted"
    assert "was changed by somebody" in caplog.text
    assert machines() == [*MADE, "mounts: begins"]


def test_an_open_layer_that_was_only_touched_is_used_again(started, play, image, machines):
    async def work():
        layers = started()
        layer = await layers.deepest(image, 128, 1)
        os.utime(layers.store.path(layer.key), ns=(1, 1))
        layer.close()
        found = await depth(layers, image)
        await layers.close()
        return found

    assert play(work()) == 2
    assert machines() == MADE


def test_more_layers_than_can_be_kept_open_are_all_found(started, play, image, descriptors, monkeypatch):
    monkeypatch.setattr("ukrom.qemu.layers.choice._OPEN_MAX", 2)
    images = [replace(image, root=replace(image.root, digest=f"sha256:{number}")) for number in range(4)]

    async def work():
        layers = started()
        before = descriptors()
        found = [await depth(layers, each) for each in images * 2]
        kept = len(descriptors()) - len(before)
        await layers.close()
        return found, kept

    found, kept = play(work())

    assert found == [2] * 8
    assert kept == 2


# The end.


def test_to_close_calls_off_a_making_and_leaves_nothing(started, play, image, names, until):
    async def work():
        layers = started("hangs while saved")
        wanted = asyncio.create_task(depth(layers, image))
        await until("boots: half saved")
        await layers.close()
        with pytest.raises(asyncio.CancelledError):
            await wanted
        return layers.trouble

    assert play(work()) == {}
    assert names() == []


@pytest.mark.parametrize("step", ["find", "fill", "settle"])
def test_to_close_amid_work_on_files_waits_for_its_end(started, play, image, monkeypatch, step):
    """A thread that works on a file must have ended before that is closed: its number is soon another's."""
    owner = LayerStore if step == "find" else NewLayer
    work_on = getattr(owner, step)

    async def work():
        if step == "find":
            layers = started()
            assert await depth(layers, image) == 2
            await layers.close()
        loop, begun, ended = asyncio.get_running_loop(), asyncio.Event(), []
        closing = threading.Event()

        def slow(self, *arguments):
            loop.call_soon_threadsafe(begun.set)
            closing.wait()
            result = work_on(self, *arguments)
            ended.append(step)
            return result

        monkeypatch.setattr(owner, step, slow)
        layers = started()
        wanted = asyncio.create_task(depth(layers, image))
        await begun.wait()
        loop.call_later(0.02, closing.set)
        await layers.close()
        assert ended
        with pytest.raises(asyncio.CancelledError):
            await wanted

    play(work())


def test_to_close_while_a_making_waits_for_its_turn_leaves_nothing(started, play, image, tmp_path, names):
    async def work():
        budget = Budget(tmp_path / "budget", {"memory": 200})
        held = await budget.claim({"memory": 100}, "somebody else")
        waits = asyncio.Event()
        layers = started(turns=Turns(budget))
        layers.make_room = waits.set  # as for the spare machine, which is in the way
        wanted = asyncio.create_task(depth(layers, image))
        await waits.wait()
        await layers.close()
        with pytest.raises(asyncio.CancelledError):
            await wanted
        assert [holder.label for holder in budget.holders()] == ["somebody else"]
        held.release()

    play(work())
    assert names() == []


def test_the_second_layer_that_waits_for_its_turn_leaves_no_file_of_the_first(
    started, play, image, tmp_path, names
):
    async def work():
        waits = asyncio.Event()
        layers = started()
        take = layers._turns.take

        async def stall(*arguments, cold, **options):
            if cold:
                return await take(*arguments, cold=cold, **options)
            waits.set()
            return await asyncio.Event().wait()

        layers._turns.take = stall
        wanted = asyncio.create_task(depth(layers, image))
        await waits.wait()
        await layers.close()
        with pytest.raises(asyncio.CancelledError):
            await wanted

    play(work())
    assert len(names()) == 1


def test_turns_are_given_back_when_a_layer_is_made_and_when_it_fails(started, play, image, tmp_path):
    async def work():
        budget = Budget(tmp_path / "budget", {"memory": 200, "starts": 1, "cold": 1})
        found = []
        for part in ("dies while saved", "runs"):
            layers = started(part, turns=Turns(budget))
            found.append(await depth(layers, image))
            assert budget.holders() == []
            await layers.close()
        return found

    assert play(work()) == [0, 2]


def test_who_stops_waiting_for_a_layer_leaves_it_to_the_others(started, play, image, until, machines):
    async def work():
        layers = started()
        impatient = asyncio.create_task(depth(layers, image))
        await until("boots: begins")
        impatient.cancel()
        await asyncio.wait({impatient})
        found = await depth(layers, image)
        await layers.close()
        return found

    assert play(work()) == 2
    assert machines() == MADE
