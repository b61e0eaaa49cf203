"""Which kernel a guest boots, and what it must load."""

from __future__ import annotations

import gzip
import lzma
import sys

import pytest

from ukrom.errors import MissingTool, SettingsError
from ukrom.host import Choices, find_kernel, kernel_release, remember, store_kernel

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def load_order(kernel):
    return [module.name for module in kernel.modules]


def test_release_is_read_from_the_image(tree):
    assert kernel_release(tree.image) == "6.1.0-9-cloud-amd64"


def test_other_files_are_no_kernel(tmp_path):
    path = tmp_path / "vmlinuz"
    path.write_bytes(b"\x7fELF" + bytes(1000))
    with pytest.raises(SettingsError, match=r"vmlinuz is no Linux kernel image \(bzImage\) for x86_64"):
        kernel_release(path)


def test_kernel_without_a_version_is_refused(tree):
    setup = bytearray(tree.image.read_bytes())
    setup[0x20E:0x210] = bytes(2)
    tree.image.write_bytes(setup)
    with pytest.raises(SettingsError, match="does not say which kernel it is"):
        kernel_release(tree.image)


def test_missing_kernel_file_is_told(tmp_path):
    with pytest.raises(SettingsError, match="No such file") as caught:
        kernel_release(tmp_path / "none")
    assert "--kernel" in str(caught.value)


def test_without_setup_there_is_no_kernel(cache):
    with pytest.raises(MissingTool, match="No guest kernel was set up") as caught:
        find_kernel(cache)
    assert "ukrom setup" in str(caught.value)


def test_stored_kernel_is_found_with_its_modules_in_load_order(cache, tree):
    stored = store_kernel(cache, tree.root)

    kernel = find_kernel(cache)

    assert kernel == stored
    assert kernel.release == "6.1.0-9-cloud-amd64"
    order = load_order(kernel)
    assert order.index("virtio_ring") < order.index("virtio") < order.index("virtio_mmio")
    assert order.index("net_failover") < order.index("virtio_net")
    assert order.index("libcrc32c") < order.index("erofs")
    assert len(order) == len(set(order)) == 10


def test_kernel_stored_again_replaces_the_old_one(cache, tree):
    store_kernel(cache, tree.root)
    tree.add("fuse")

    store_kernel(cache, tree.root)

    assert "fuse" in load_order(find_kernel(cache))
    assert [path.name for path in (cache.root / "kernel").iterdir()] == [tree.release]


def test_newest_release_is_chosen_by_number(cache, make_tree):
    for release in ("6.1.0-56-cloud-amd64", "6.1.0-9-cloud-amd64"):
        store_kernel(cache, make_tree(release).root)
    assert find_kernel(cache).release == "6.1.0-56-cloud-amd64"


def test_merged_usr_package_is_understood(cache, tree):
    (tree.root / "usr").mkdir()
    (tree.root / "lib").rename(tree.root / "usr" / "lib")
    assert "erofs" in load_order(store_kernel(cache, tree.root))


def test_package_without_kernel_is_told(cache, tmp_path):
    with pytest.raises(MissingTool, match="holds no boot/vmlinuz"):
        store_kernel(cache, tmp_path)


def test_environment_names_kernel_and_modules(cache, tree, monkeypatch):
    monkeypatch.setenv("UKROM_KERNEL", str(tree.image))
    monkeypatch.setenv("UKROM_MODULES", str(tree.modules))

    kernel = find_kernel(cache)

    assert kernel.image == tree.image
    assert "virtio_mmio" in load_order(kernel)


def test_remembered_kernel_is_used(cache, tree):
    remember(cache, Choices(kernel=tree.image, modules=tree.modules))
    assert find_kernel(cache).image == tree.image


def test_kernel_without_any_modules_folder_has_all_built_in(cache, tree):
    assert find_kernel(cache, Choices(kernel=tree.image)).modules == ()


def test_modules_folder_that_is_not_there_is_told(cache, tree, tmp_path):
    with pytest.raises(SettingsError, match=r"no folder of kernel modules at .*nowhere"):
        find_kernel(cache, Choices(kernel=tree.image, modules=tmp_path / "nowhere"))


def test_modules_of_another_kernel_are_refused(cache, tree):
    tree.add("virtio_ring", release="5.10.0-1-amd64")
    with pytest.raises(SettingsError, match=r"is 6\.1\.0-9-cloud-amd64, but .* for 5\.10\.0-1-amd64"):
        store_kernel(cache, tree.root)


def test_missing_module_is_named(cache, tree):
    (tree.modules / "kernel" / "erofs.ko").unlink()
    with pytest.raises(MissingTool, match="has no module erofs"):
        store_kernel(cache, tree.root)


def test_built_in_modules_are_not_loaded(cache, tree):
    tree.build_in("virtio-mmio", "erofs")
    (tree.modules / "kernel" / "erofs.ko").unlink()

    order = load_order(store_kernel(cache, tree.root))

    assert "erofs" not in order
    assert "virtio_mmio" not in order
    assert load_order(find_kernel(cache)) == order


def test_optional_modules_are_taken_when_there(cache, tree):
    tree.add("virtio-rng")
    assert load_order(store_kernel(cache, tree.root))[-1] == "virtio_rng"


def test_what_a_module_asks_of_the_crypto_api_is_loaded_before_it(cache, tree):
    tree.add("crc32c_generic")
    order = load_order(store_kernel(cache, tree.root))
    assert order.index("crc32c_generic") < order.index("libcrc32c")


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".ko.xz", lzma.compress), (".ko.gz", gzip.compress), (".ko.zst", zstd.compress)],
)
def test_compressed_modules_are_read(cache, tree, suffix, compress):
    plain = tree.modules / "kernel" / "erofs.ko"
    plain.with_suffix(suffix).write_bytes(compress(plain.read_bytes()))
    content = plain.read_bytes()
    plain.unlink()

    kernel = find_kernel(cache, Choices(kernel=tree.image, modules=tree.modules))

    [erofs] = [module for module in kernel.modules if module.name == "erofs"]
    assert erofs.path.name == f"erofs{suffix}"
    assert erofs.read() == content


@pytest.mark.parametrize("suffix", [".ko.xz", ".ko.gz", ".ko.zst"])
def test_damaged_compressed_module_is_told(cache, tree, suffix):
    tree.add("overlay", suffix)
    (tree.modules / "kernel" / "overlay.ko").unlink()
    with pytest.raises(SettingsError, match=r"kernel module cannot be read: .*overlay"):
        store_kernel(cache, tree.root)


@pytest.mark.parametrize("content", [b"no module", b"\x7fELF"])
def test_file_that_is_no_module_is_told(cache, tree, content):
    (tree.modules / "kernel" / "overlay.ko").write_bytes(content)
    with pytest.raises(SettingsError, match="is no kernel module"):
        store_kernel(cache, tree.root)
