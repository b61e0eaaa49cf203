from pathlib import Path
from uuid import UUID

from ukrom.cloud.ports import Image, MachineSpec, RomDevice, StoredBlob
from ukrom.qemu.order import environment, start_order


def blob(form="erofs"):
    return StoredBlob(Path("x"), 4096, "sha256:0", form)


def order(*roms, root="erofs", env=None):
    image = Image("oci://x", "sha256:0", "x86_64", blob(root))
    fields = start_order(
        MachineSpec(UUID(int=1), "web", "web-host", image, ("/app", "-v"), env or {}, 128, 1, roms)
    )
    return list(zip(fields[1::2], fields[2::2], strict=True))


def test_the_first_rom_is_number_one_behind_an_erofs_root():
    assert ("rom", "1 1") in order(RomDevice("code", "/rom", blob()))


def test_the_first_rom_is_number_zero_behind_a_cpio_root():
    assert ("rom", "1 0") in order(RomDevice("code", "/rom", blob()), root="cpio")


def test_a_mount_point_inside_another_is_mounted_after_it():
    pairs = order(RomDevice("inner", "/rom/base", blob()), RomDevice("outer", "/rom", blob()))

    assert [value for key, value in pairs if key == "at"] == ["/rom", "/rom/base"]
    assert pairs.index(("rom", "2 2")) < pairs.index(("rom", "1 1"))


def test_a_bare_rom_has_no_mount_point():
    pairs = order(RomDevice("bare", None, blob()))

    assert ("name", "bare") in pairs
    assert not any(key == "at" for key, _ in pairs)


def test_the_guest_can_look_up_its_own_name():
    """A guest without a name server hangs in look-ups that /etc/hosts does not answer."""
    (hosts,) = [value for key, value in order() if key == "hosts"]

    assert "10.0.2.15 web-host web web.internal\n" in hosts


def test_two_starts_have_different_random_seeds():
    seeds = [value for _ in range(2) for key, value in order() if key == "seed"]

    assert len(set(seeds)) == 2
    assert len(seeds[0]) == 64


def test_what_the_instance_says_of_path_wins():
    assert environment({"PATH": "/mine"})["PATH"] == "/mine"
    assert environment({})["HOME"] == "/root"
