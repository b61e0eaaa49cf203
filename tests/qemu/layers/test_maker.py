"""What a guest is asked on its way to a layer, and how far."""

import asyncio
import json
from dataclasses import replace

import pytest

from ukrom.errors import BootFailed, DeadlineExceeded, MachineEnded
from ukrom.qemu.layers.key import Platform
from ukrom.qemu.layers.maker import LayerMaker, warming

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = ["env", PATH, "env", "HOME=/root"]


@pytest.fixture
def make(equipment, store, image, folder, descriptors):
    """Makes both layers of an image, or as many as can be, and closes them."""

    def make(part="runs", image=image, boot_s=20.0):
        made_of = equipment(part)
        platform = Platform(made_of)
        maker = LayerMaker(made_of, store, boot_s=boot_s)
        folder.mkdir()

        async def work():
            below = await maker.boot(platform.booted(128, 1))
            try:
                above = await maker.mount(platform.mounted(image, 128, 1), below, image)
                above.close()
                return below, above
            finally:
                below.close()

        before = descriptors()
        try:
            return asyncio.run(work())
        finally:
            assert descriptors() == before

    return make


def asked(journal):
    """What the guest of layer 2 was asked, but for what is the same whatever the image is."""
    return [words for words in journal("mounts") if not words.startswith("prepare")]


def test_a_guest_is_asked_one_thing_after_the_other(make, journal):
    make()

    assert journal("boots") == ["begins"]
    assert asked(journal) == [
        "begins",
        "wake",
        "root erofs",
        f"warm run env {PATH}",
        f"warm read env {PATH}",
    ]


def test_layers_say_how_far_they_got(make, image):
    below, above = make()

    assert (below.holds_root, above.holds_root) == (False, True)
    assert json.loads(below.content.state[:1024])["steps"] == ["booted"]
    assert json.loads(above.content.state[:1024])["steps"] == ["booted", "mounted"]


def test_layers_are_left_alone_once_they_are_made(make, store):
    """The guest of the second has the memory of the first to begin with, not its file."""
    below, above = make()

    for made in (below, above):
        found = store.find(made.key)
        assert found.content == made.content
        found.close()


def test_what_runs_aside_has_the_image_s_own_settings(image):
    run, read = warming(image)

    words = ["env", "COLOUR=blue", "arg"]
    assert run == ["warm", "run", *ENVIRONMENT, *words, "python3", "arg", "-c", "arg", "pass"]
    assert read == ["warm", "read", *ENVIRONMENT, *words, "/app"]


def test_an_image_says_what_runs_aside_and_in_which_order(image):
    commands = warming(replace(image, warm=(("one",), (), ("two", "words")), args=()))

    assert [command[:2] + command[-3:] for command in commands] == [
        ["warm", "run", "COLOUR=blue", "arg", "one"],
        ["warm", "run", "two", "arg", "words"],
    ]


def test_an_image_without_commands_is_mounted_only(make, image, journal):
    make(image=replace(image, warm=(), args=()))

    assert asked(journal) == ["begins", "wake", "root erofs"]


@pytest.mark.parametrize(
    ("part", "kind", "why"),
    [
        ("refuses", MachineEnded, "qemu: no such machine"),
        ("is killed", MachineEnded, "QEMU was killed by signal 9 before"),
        ("panics", MachineEnded, "The guest's kernel panicked before"),
        ("dies while saved", MachineEnded, "QEMU was killed by signal 9 before it was saved"),
        ("cannot be saved when mounted", MachineEnded, "QEMU did not save the machine.* before it was saved"),
        ("cannot mount", BootFailed, "The guest says 'failed' .cannot mount the root file system"),
        ("hangs", DeadlineExceeded, "it was not so far that"),
    ],
)
def test_a_guest_that_does_not_come_so_far_is_told_with_its_reason(make, part, kind, why, names):
    with pytest.raises(kind, match=why) as raised:
        make(part, boot_s=0.2 if part == "hangs" else 20)

    assert raised.value.command
    assert [name for name in names() if name.startswith(".")] == []


def test_a_damaged_state_is_refused_by_qemu(make, equipment, store, image, monkeypatch):
    """The fake, as QEMU, checks what it gets: a state reaches it whole, however large it is."""
    below, _ = make()
    layer = store.find(below.key)
    content = replace(layer.content, state=layer.content.state[:-1])
    maker = LayerMaker(equipment(), store, boot_s=20)
    key = Platform(equipment()).mounted(image, 128, 1)

    with pytest.raises(MachineEnded, match="load of migration failed: Invalid argument"):
        asyncio.run(maker.mount(key, replace(layer, content=content), image))
    layer.close()
