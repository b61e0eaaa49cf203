"""Which QEMU will do, and that it is asked only once."""

from __future__ import annotations

import pytest

from ukrom.errors import MissingTool
from ukrom.host import Choices, find_qemu, remember


def test_good_qemu_is_found(cache, fake_qemu):
    qemu = find_qemu(cache, fake_qemu())
    assert (qemu.path.name, qemu.version) == ("qemu-system-x86_64", "7.2.22")


def test_second_time_it_is_not_run(cache, fake_qemu):
    path = fake_qemu()
    first = find_qemu(cache, path)
    runs = fake_qemu.runs()

    assert find_qemu(cache, path) == first
    assert fake_qemu.runs() == runs


def test_upgraded_qemu_is_asked_again(cache, fake_qemu):
    find_qemu(cache, fake_qemu())
    assert find_qemu(cache, fake_qemu(version="10.0.2")).version == "10.0.2"


def test_damaged_record_is_made_anew(cache, fake_qemu):
    path = fake_qemu()
    find_qemu(cache, path)
    cache.write("qemu", "checked.json", b"[]")
    assert find_qemu(cache, path).version == "7.2.22"


def test_environment_names_it(cache, fake_qemu, monkeypatch):
    monkeypatch.setenv("UKROM_QEMU", str(fake_qemu()))
    assert find_qemu(cache).path == fake_qemu.path


def test_remembered_one_is_used(cache, fake_qemu):
    remember(cache, Choices(qemu=fake_qemu()))
    assert find_qemu(cache).path == fake_qemu.path


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": "4.2.1"}, r"too old: version 4\.2\.1, at least 5\.2"),
        ({"machine": "pc q35"}, "built without the machine microvm"),
        ({"netdev": "socket tap"}, "built without the netdev user"),
        ({"device": "virtio-blk-pci"}, "built without the device virtio-blk-device"),
    ],
)
def test_unfit_qemu_is_told_with_what_it_lacks(cache, fake_qemu, facts, words):
    with pytest.raises(MissingTool, match=words) as caught:
        find_qemu(cache, fake_qemu(**facts))
    assert "--qemu PATH" in str(caught.value)
    assert not (cache.root / "qemu" / "checked.json").exists()


def test_qemu_that_does_not_answer_is_told(cache, fake_qemu):
    with pytest.raises(MissingTool, match="does not answer `-machine help`"):
        find_qemu(cache, fake_qemu(machine="microvm; exit 1"))
