"""A layer is used for what it was made of, and for nothing else."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ukrom.cloud.ports import Image, StoredBlob
from ukrom.qemu import Equipment
from ukrom.qemu.layers import key
from ukrom.qemu.layers.key import LayerKey, Platform

IMAGE = Image(
    "oci://unikraft.io/t/app:latest@sha256:0",
    "sha256:0",
    "x86_64",
    StoredBlob(Path("root.erofs"), 4096, "sha256:1", "erofs"),
    args=("/app", "-v"),
    warm=(("python3", "-c", "pass"),),
)


@pytest.fixture
def made_of(tmp_path):
    """Equipment of files that are there."""
    files = {"qemu": b"program", "kernel": b"kernel", "initramfs": b"initramfs"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return Equipment(
        *(tmp_path / "qemu", "tcg", tmp_path / "kernel", tmp_path / "initramfs"), None, "7.2", 2_000_000
    )


def booted(equipment, memory_mb=128, vcpus=1):
    return Platform(equipment).booted(memory_mb, vcpus)


def mounted(equipment, image=IMAGE, memory_mb=128, vcpus=1):
    return Platform(equipment).mounted(image, memory_mb, vcpus)


def both(equipment):
    return booted(equipment).digest, mounted(equipment).digest


def assert_all_differ(one, other):
    assert len({*one, *other}) == 4


def test_the_same_things_have_the_same_layer(made_of):
    assert both(made_of) == both(made_of)


def test_a_digest_is_a_name_for_a_file(made_of):
    digest = booted(made_of).digest

    assert len(digest) == 64
    assert int(digest, 16)


def test_other_bytes_of_the_kernel_are_another_kernel(made_of):
    before = both(made_of)
    made_of.kernel.write_bytes(b"kerneL")

    assert_all_differ(before, both(made_of))


@pytest.mark.parametrize(
    "changes",
    [
        {"initramfs": Path("other")},
        {"version": "7.2.1"},
        {"accelerator": "kvm"},
        {"tsc_khz": 2_000_001},
        {"tsc_khz": None},
    ],
    ids=str,
)
def test_other_equipment_is_another_layer(made_of, changes):
    assert_all_differ(both(made_of), both(replace(made_of, **changes)))


def test_a_rebuilt_qemu_of_the_same_version_is_another(made_of):
    before = both(made_of)
    made_of.qemu.write_bytes(b"program, larger")
    larger = both(made_of)
    os.utime(made_of.qemu, ns=(0, 0))
    older = both(made_of)

    assert len({*before, *larger, *older}) == 6


@pytest.mark.parametrize("size", [{"memory_mb": 256}, {"vcpus": 2}], ids=str)
def test_another_size_of_machine_is_another_layer(made_of, size):
    assert booted(made_of).digest != booted(made_of, **size).digest
    assert mounted(made_of).digest != mounted(made_of, **size).digest


def test_options_of_the_kernel_are_part_of_it(made_of, monkeypatch):
    before = both(made_of)
    monkeypatch.setattr("ukrom.qemu.command._KERNEL_COMMAND_LINE", "console=ttyS0 other")

    assert_all_differ(before, both(made_of))


def test_another_device_is_another_machine(made_of, monkeypatch):
    before = both(made_of)
    monkeypatch.setattr("ukrom.qemu.devices.VOLUME_SLOTS", range(9, 12))

    assert_all_differ(before, both(made_of))


def test_another_way_of_making_layers_makes_others(made_of, monkeypatch):
    before = both(made_of)
    monkeypatch.setattr(key, "_WAY", 10_000)

    assert_all_differ(before, both(made_of))


def changed_root(**changes):
    return replace(IMAGE, root=replace(IMAGE.root, **changes))


@pytest.mark.parametrize(
    "image",
    [
        changed_root(digest="sha256:2"),
        changed_root(format="cpio"),
        replace(IMAGE, warm=()),
        replace(IMAGE, warm=(("python3", "-c", "import os"),)),
        replace(IMAGE, warm=(*IMAGE.warm, ("true",))),
        replace(IMAGE, warm=(("python3",), ("-c", "pass"))),
        replace(IMAGE, args=("/other", "-v")),
        replace(IMAGE, args=()),
    ],
)
def test_another_image_has_a_layer_of_its_own_over_the_same_one(made_of, image):
    assert mounted(made_of, image).digest != mounted(made_of).digest


@pytest.mark.parametrize(
    "image",
    [
        replace(IMAGE, reference="oci://unikraft.io/t/other:1@sha256:0", tags=("1",)),
        replace(IMAGE, args=("/app", "with", "other", "words")),
        changed_root(path=Path("/elsewhere/root.erofs")),
    ],
)
def test_what_is_told_only_later_shares_a_layer(made_of, image):
    assert mounted(made_of, image).digest == mounted(made_of).digest


def test_the_layers_of_one_image_are_two(made_of):
    assert booted(made_of).digest != mounted(made_of).digest


def test_where_kernel_and_programs_lie_means_nothing(made_of, tmp_path):
    moved = {}
    for name in ("qemu", "kernel", "initramfs"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
        moved[name] = Path(shutil.copy2(tmp_path / name, tmp_path / "elsewhere" / name / name))
    moved["kernel"] = moved["kernel"].rename(tmp_path / "vmlinuz")

    assert both(replace(made_of, **moved, setpriv=Path("/usr/bin/setpriv"))) == both(made_of)


def processor(monkeypatch, flags):
    text = f"model name\t: Some\nflags\t\t: {flags}\ncpu MHz\t\t: {len(flags)}\n\nprocessor\t: 1\n"
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *rest: text if str(path) == "/proc/cpuinfo" else read(path, *rest)
    )


def test_under_kvm_a_guest_has_seen_the_host_s_processor(made_of, monkeypatch):
    kvm = replace(made_of, accelerator="kvm", tsc_khz=None)
    processor(monkeypatch, "sse avx")
    before, again = both(kvm), both(kvm)
    processor(monkeypatch, "sse")

    assert before == again
    assert_all_differ(before, both(kvm))


def test_under_emulation_the_host_s_processor_means_nothing(made_of, monkeypatch):
    processor(monkeypatch, "sse avx")
    before = both(made_of)
    processor(monkeypatch, "sse")

    assert both(made_of) == before


def test_a_host_that_does_not_tell_its_processor_is_told_by_its_kind(made_of, monkeypatch):
    def fail(path, *rest):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", fail)

    assert booted(replace(made_of, accelerator="kvm")).of["processor"] == os.uname().machine


@pytest.mark.parametrize("args", [("/app",), ["/app", "-v"], ()])
@pytest.mark.parametrize("accelerator", ["tcg", "kvm"])
def test_a_key_is_the_same_after_it_was_written_and_read(made_of, args, accelerator):
    """The store compares what a file says with what is wanted."""
    made_of = replace(made_of, accelerator=accelerator)
    for wanted in (booted(made_of), mounted(made_of, replace(IMAGE, args=args))):
        read = json.loads(json.dumps(wanted.of))

        assert read == wanted.of
        assert LayerKey(read).digest == wanted.digest


def test_memory_is_told_in_bytes(made_of):
    assert booted(made_of, memory_mb=192).memory == 192 * 1024 * 1024


def test_files_are_looked_at_once(made_of):
    """Equipment does not change while a runner runs; to hash a kernel takes 30 ms."""
    platform = Platform(made_of)
    first = platform.booted(128, 1)
    made_of.kernel.unlink()

    assert platform.booted(128, 1) == first
