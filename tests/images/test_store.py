"""The image store: what is put under a name is what a machine gets."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ukrom import roms
from ukrom.errors import BadReference, ImageError, ImageNotFound, RomError
from ukrom.images.architectures import host_architecture
from ukrom.images.blobs import Blob
from ukrom.images.initrd import layer_chunks
from ukrom.images.store import ImageStore

ROM = roms.build({"rom.py": "one"})
OTHER_ROM = roms.build({"rom.py": "two"})


@pytest.fixture
def root(tmp_path):
    roms.build_to({"bin/app": "#!/bin/sh\n"}, tmp_path / "root.erofs")
    return tmp_path / "root.erofs"


def documents(store: ImageStore, digest: str) -> tuple[dict, dict, dict]:
    """Index, manifest and config of an image, read as any other tool would."""

    def load(name: str) -> dict:
        data = store.blobs.path(name).read_bytes()
        assert "sha256:" + hashlib.sha256(data).hexdigest() == name
        return json.loads(data)

    index = load(digest)
    manifest = load(index["manifests"][0]["digest"])
    return index, manifest, load(manifest["config"]["digest"])


def test_rom_is_found_by_every_spelling_of_its_name(store):
    put = store.put_rom("me/my-rom1", ROM)

    for spelling in (
        "me/my-rom1:latest",
        "index.unikraft.io/me/my-rom1",
        put.reference,
        f"me/my-rom1@{put.digest}",
    ):
        found = store.resolve(spelling)
        assert found.rom.path.read_bytes() == ROM
        assert found.digest == put.digest


def test_rom_image_has_a_rom_and_no_root(store):
    image = store.put_rom("me/my-rom1:v1", ROM)

    assert image.root is None
    assert image.rom == image.roms[0]
    assert (image.rom.format, image.rom.size) == ("erofs", len(ROM))
    assert image.rom.digest == "sha256:" + hashlib.sha256(ROM).hexdigest()
    assert image.reference == f"oci://unikraft.io/me/my-rom1:v1@{image.digest}"
    assert image.architecture == host_architecture()
    assert image.tags == ("v1",)
    assert image.size == len(ROM)
    assert image.created_at <= datetime.now(UTC)


def test_rom_documents_are_those_of_the_platform(store):
    index, manifest, config = documents(store, store.put_rom("me/rom", ROM, architecture="amd64").digest)

    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert index["manifests"][0]["platform"] == {"os": "kraftcloud", "architecture": "x86_64"}
    assert manifest["layers"] == [
        {
            "mediaType": "application/vnd.unikraft.rom.v1",
            "digest": "sha256:" + hashlib.sha256(ROM).hexdigest(),
            "size": len(ROM),
        }
    ]
    assert config["rootfs"] == {"type": "layers", "diff_ids": [manifest["layers"][0]["digest"]]}
    assert (config["os"], config["architecture"]) == ("kraftcloud", "x86_64")


def test_image_has_a_root_command_and_environment(store, root):
    image = store.put_image("me/app", root, "erofs", ["/bin/app", "-v"], {"A": "1", "EMPTY": "", "EQ": "a=b"})

    assert image.root.path.read_bytes() == root.read_bytes()
    assert image.args == ("/bin/app", "-v")
    assert image.env == {"A": "1", "EMPTY": "", "EQ": "a=b"}
    assert image.roms == ()
    assert store.resolve("me/app") == image


def test_image_used_as_a_rom_gives_its_root(store, root):
    # what `kraft pkg --no-kernel` makes of a ROM
    image = store.put_image("me/old-rom", root)

    assert image.rom == image.root


def test_root_layer_is_a_tar_of_one_file_that_is_not_on_disk_twice(store, root):
    image = store.put_image("me/app", root)
    _, manifest, _ = documents(store, image.digest)
    (layer,) = manifest["layers"]
    tar = b"".join(layer_chunks(store.blobs, Blob(image.root.digest, image.root.size)))

    assert layer["annotations"] == {"org.unikraft.kernel.initrd": "/unikraft/bin/initrd"}
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar"
    assert layer["digest"] == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert layer["size"] == len(tar)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert [(entry.name, entry.mode) for entry in archive] == [("unikraft/bin/initrd", 0o644)]
        assert archive.extractfile("unikraft/bin/initrd").read() == root.read_bytes()
    assert not store.blobs.path(layer["digest"]).exists()


def test_same_content_has_the_same_digest_in_every_run(store, blobs, tmp_path, root):
    other = ImageStore(blobs, tmp_path / "other" / "index.json")

    assert store.put_rom("a/rom", ROM).digest == other.put_rom("b/rom", ROM).digest
    assert (
        store.put_image("a/app", root, args=["x"]).digest == other.put_image("b/app", root, args=["x"]).digest
    )


def test_two_runs_have_different_images_under_one_name(store, blobs, tmp_path):
    other = ImageStore(blobs, tmp_path / "other" / "index.json")

    store.put_rom("me/my-rom1", ROM)
    other.put_rom("me/my-rom1", OTHER_ROM)

    assert store.resolve("me/my-rom1").rom.path.read_bytes() == ROM
    assert other.resolve("me/my-rom1").rom.path.read_bytes() == OTHER_ROM


def test_names_of_another_run_are_unknown(store, blobs, tmp_path):
    other = ImageStore(blobs, tmp_path / "other" / "index.json")
    other.put_rom("me/my-rom1", ROM)

    with pytest.raises(ImageNotFound):
        store.resolve("me/my-rom1")


def test_new_content_under_a_tag_leaves_the_old_one_to_its_digest(store):
    old = store.put_rom("me/rom", ROM)
    new = store.put_rom("me/rom", OTHER_ROM)

    assert store.resolve("me/rom").digest == new.digest
    assert store.resolve(old.reference).rom.path.read_bytes() == ROM
    assert store.resolve(old.reference).tags == ()
    assert [image.digest for image in store.images()] == [new.digest]


def test_tag_that_returns_to_old_content_is_found(store):
    old = store.put_rom("me/rom", ROM)
    store.put_rom("me/rom", OTHER_ROM)
    store.put_rom("me/rom", ROM)

    assert store.resolve("me/rom").digest == old.digest
    assert len(store.images()) == 1


def test_image_is_listed_once_with_all_its_tags(store):
    store.put_rom("me/rom:v1", ROM)
    store.put_rom("me/rom:v2", ROM)
    store.put_rom("you/rom", ROM)

    listed = store.images()

    assert [image.tags for image in listed] == [("v1", "v2"), ("latest",)]


def test_manifest_digest_finds_the_image_too(store):
    image = store.put_rom("me/rom", ROM)
    index, _, _ = documents(store, image.digest)

    assert store.resolve(f"me/rom@{index['manifests'][0]['digest']}").digest == image.digest


def test_names_survive_the_process(store, blobs, tmp_path):
    put = [store.put_rom("me/rom", ROM), store.put_rom("me/rom", OTHER_ROM)]

    again = ImageStore(blobs, tmp_path / "run" / "index.json")

    assert again.resolve("me/rom") == put[1]
    assert again.resolve(f"me/rom@{put[0].digest}").rom == put[0].rom


def test_run_folder_is_an_oci_layout(store, tmp_path):
    image = store.put_rom("me/rom", ROM)
    layout = tmp_path / "run"

    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (descriptor,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert descriptor["annotations"]["org.opencontainers.image.ref.name"] == "unikraft.io/me/rom:latest"
    assert (layout / "blobs" / image.digest.replace(":", "/")).stat().st_size == descriptor["size"]


def test_image_stored_by_another_run_is_named_by_digest(store, blobs, tmp_path, root):
    other = ImageStore(blobs, tmp_path / "other" / "index.json")
    digest = other.put_image("me/app", root, args=["/bin/app"]).digest

    assert store.tag("my/own:v2", digest).args == ("/bin/app",)
    assert store.resolve("my/own:v2").digest == digest


def test_naming_an_unknown_digest_is_refused(store):
    with pytest.raises(ImageNotFound, match="There is no image sha256:0000"):
        store.tag("my/own", "sha256:" + "0" * 64)


def test_unknown_image_is_refused_with_what_there_is(store):
    with pytest.raises(
        ImageNotFound, match=r"'unikraft.io/me/rom:latest'.\nBuild it first; no image is stored yet"
    ):
        store.resolve("me/rom")
    store.put_rom("me/other:v1", ROM)
    with pytest.raises(ImageNotFound, match="use one of: me/other:v1"):
        store.resolve("me/rom")


def test_text_that_is_no_reference_is_refused_before_anything_is_stored(store):
    with pytest.raises(BadReference):
        store.resolve("Not A Name")
    with pytest.raises(BadReference):
        store.put_rom("Not A Name", ROM)
    assert not list((store.blobs.folder / "sha256").iterdir())


def test_damaged_blob_is_noticed_when_resolved(store):
    image = store.put_rom("me/rom", ROM)
    image.rom.path.chmod(0o644)
    image.rom.path.write_bytes(ROM[:1024])

    with pytest.raises(ImageError, match="bytes instead of"):
        store.resolve("me/rom")


def test_damaged_document_is_noticed_when_resolved(store, blobs, tmp_path):
    image = store.put_rom("me/rom", ROM)
    path = store.blobs.path(image.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"kraftcloud", b"kraftclaud"))

    with pytest.raises(ImageError, match="is damaged"):
        ImageStore(blobs, tmp_path / "run" / "index.json").resolve("me/rom")


def test_document_that_is_no_index_is_refused(store):
    blob = store.blobs.put(b'{"manifests": []}')

    with pytest.raises(ImageError, match="cannot be understood"):
        store.tag("me/rom", blob.digest)


def test_broken_index_file_is_named(blobs, tmp_path):
    (tmp_path / "index.json").write_text("[]")

    with pytest.raises(ImageError, match=r"index\.json' is no index of images"):
        ImageStore(blobs, tmp_path / "index.json")


def test_rom_that_is_not_whole_pages_is_refused(store, tmp_path):
    (tmp_path / "rom").write_bytes(ROM + b"x")

    for rom in (b"", ROM + b"x", tmp_path / "rom"):
        with pytest.raises(ImageError, match="no multiple of 4096"):
            store.put_rom("me/rom", rom)


def test_content_of_another_format_is_refused(store, tmp_path):
    with pytest.raises(ImageError, match="said to be erofs, but its magic says raw"):
        store.put_rom("me/rom", bytes(4096), "erofs")
    (tmp_path / "root").write_bytes(b"nothing of the kind")
    with pytest.raises(ImageError, match="said to be cpio, but its magic says raw"):
        store.put_image("me/app", tmp_path / "root", "cpio")


@pytest.mark.parametrize("form", ["erofs", "cpio", "raw"])
def test_format_of_a_rom_is_known_when_it_is_resolved(store, form):
    store.put_rom("me/rom", roms.build({"a": "1"}, format=form), form)

    assert store.resolve("me/rom").rom.format == form


def test_unknown_architecture_is_refused(store):
    with pytest.raises(ImageError, match=r"no architecture 'riscv64'.*\nChoose 'x86_64' or 'arm64'"):
        store.put_rom("me/rom", ROM, architecture="riscv64")


def test_inline_files_are_packed_once(store, monkeypatch):
    files = [SimpleNamespace(path="b", data=b"2"), SimpleNamespace(path="/a", data=b"1")]
    packed = store.pack_inline(files)
    monkeypatch.setattr("ukrom.roms.build", None)

    again = store.pack_inline([SimpleNamespace(path="a", data=b"1"), SimpleNamespace(path="b", data=b"2")])

    assert again == packed
    assert packed.format == "erofs"
    assert store.images() == []


def test_inline_files_that_were_swept_away_are_packed_anew(store):
    files = [SimpleNamespace(path="a", data=b"1")]
    packed = store.pack_inline(files)
    packed.path.unlink()

    assert store.pack_inline(files).path.exists()


def test_inline_files_are_told_apart_by_path_and_content(store):
    def pack(path: str, data: bytes) -> str:
        return store.pack_inline([SimpleNamespace(path=path, data=data)]).digest

    assert len({pack("a", b"bc"), pack("ab", b"c"), pack("a", b"bd")}) == 3


def test_inline_rom_with_a_broken_path_is_refused(store):
    with pytest.raises(RomError, match=r"'\.\.' in it"):
        store.pack_inline([SimpleNamespace(path="../a", data=b"")])
