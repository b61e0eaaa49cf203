"""What a Python image is made warm with: the command is run for real, by the interpreter of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ukrom import roms
from ukrom.errors import ImageError
from ukrom.images import ImageStore, build_python_image
from ukrom.images.blobs import Blob
from ukrom.images.documents import Contents, dump, read_contents, write_contents
from ukrom.images.warming import python_warming

WARM = (("python3", "-c", "import app"), ("cat", "/etc/hosts"))


@pytest.fixture
def module(tmp_path):
    """Makes a module of the interpreter's environment that notes that it was imported."""

    def module(name: str, then: str = "", folder: str = "packages") -> None:
        path = tmp_path / folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        note = f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r} + '\\n')"
        path.write_text(f"{note}\n{then}\n")

    return module


@pytest.fixture
def imported(tmp_path):
    """What was imported, of the modules that note it."""

    def imported() -> list[str]:
        path = tmp_path / "imported"
        return path.read_text().splitlines() if path.exists() else []

    return imported


@pytest.fixture
def warm(tmp_path):
    """Runs the command on a script, in the script's own folder."""

    def warm(source: str | bytes, **variables: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "src"
        folder.mkdir(exist_ok=True)
        script = folder / "server.py"
        script.write_bytes(source if isinstance(source, bytes) else source.encode())
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "packages"), **variables}
        return subprocess.run(
            python_warming(sys.executable, str(script)),
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return warm


def test_modules_that_a_script_imports_are_imported(warm, module, imported):
    for name in ("plain", "package.__init__", "package.inner", "source", "aliased", "late", "guarded"):
        module(name)

    done = warm(
        "from __future__ import annotations\n"
        "import plain, package.inner\n"
        "from source import something as other\n"
        "import aliased as short\n"
        "def serve():\n    import late\n"
        "try:\n    from guarded import *\nexcept ImportError:\n    pass\n"
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(imported()) == sorted(
        ["aliased", "guarded", "late", "package.__init__", "package.inner", "plain", "source"]
    )


def test_modules_of_the_standard_library_are_imported(warm):
    done = warm("import colorsys\nfrom xml.dom import minidom\n", PYTHONVERBOSE="1")

    assert done.returncode == 0
    assert "import 'colorsys'" in done.stderr
    assert "import 'xml.dom'" in done.stderr
    assert "import 'wave'" not in done.stderr


def test_the_script_itself_is_not_run(warm, module, imported, tmp_path):
    module("wanted")

    done = warm("import wanted\nprint('ran')\nopen('ran', 'w')\nraise SystemExit(3)\n")

    assert (done.returncode, done.stdout) == (0, "")
    assert imported() == ["wanted"]
    assert [path.name for path in (tmp_path / "src").iterdir()] == ["server.py"]


def test_modules_beside_the_script_stay_out(warm, module, imported):
    for name in ("neighbour", "beside.__init__", "beside.inner"):
        module(name, folder="src")
    module("wanted")

    done = warm(
        "import neighbour, server, beside.inner\n"
        "from neighbour import anything\n"
        "from . import neighbour\n"
        "from .neighbour import anything\n"
        "from ..beside import inner\n"
        "import wanted\n"
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert imported() == ["wanted"]


def test_relative_names_are_not_taken_for_absolute_ones(warm, module, imported):
    module("near")
    module("wanted")

    warm("from .near import anything\nfrom . import near\nimport wanted\n")

    assert imported() == ["wanted"]


@pytest.mark.parametrize("name", ["antigravity", "this", "turtle", "__main__"])
def test_modules_that_do_something_when_imported_stay_out(warm, module, imported, name):
    module(name)
    module("wanted")

    done = warm(f"import {name}\nfrom {name} import anything\nimport wanted\n")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert imported() == ["wanted"]


@pytest.mark.parametrize(
    "then",
    [
        "import no_such_module",
        "raise RuntimeError('not here')",
        "raise SystemExit(3)",
        "import sys; sys.exit('usage: failing')",
        "raise KeyboardInterrupt",
        "raise BaseException",
        "this is no Python",
    ],
)
def test_module_that_cannot_be_imported_stops_nothing(warm, module, imported, then):
    module("failing", then)
    module("wanted")

    done = warm(
        "import failing, no_such_module\nfrom failing import x\nimport failing.inner\nimport wanted\n"
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert imported()[-1] == "wanted"


@pytest.mark.parametrize("source", ["import json\ndef serve(:\n", "import json\0", b"name = '\xe9'\n"])
def test_script_that_is_no_python_is_a_failure_and_imports_nothing(warm, source):
    done = warm(source, PYTHONVERBOSE="1")

    assert done.returncode != 0
    assert "Error" in done.stderr
    assert "import 'json'" not in done.stderr


def test_script_that_is_not_there_is_a_failure(tmp_path):
    command = python_warming(sys.executable, str(tmp_path / "gone.py"))

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr


@pytest.mark.parametrize(
    "source",
    [
        "# -*- coding: latin-1 -*-\nname = 'é'\nimport wanted\n".encode("latin-1"),
        b"#!/usr/bin/python3\n# vim: set fileencoding=cp1252 :\nname = '\x80'\nimport wanted\n",
        b"\xef\xbb\xbfname = '\xc3\xa9'\nimport wanted\n",
        b"import wanted\r\nname = 1\r\n",
        b"import wanted",
    ],
    ids=["latin-1", "cp1252", "byte order mark", "line ends of DOS", "no line end"],
)
def test_script_is_read_as_python_reads_it(warm, module, imported, source):
    module("wanted")

    assert warm(source).returncode == 0
    assert imported() == ["wanted"]


def test_script_without_imports_is_fine(warm):
    assert warm("").returncode == 0


# In images.


@pytest.fixture
def root(tmp_path):
    roms.build_to({"bin/app": "#!/bin/sh\n"}, tmp_path / "root.erofs")
    return tmp_path / "root.erofs"


def config_of(store, digest):
    """The config of an image, read as any other tool would."""

    def load(name):
        return json.loads(store.blobs.path(name).read_bytes())

    manifest = load(load(digest)["manifests"][0]["digest"])
    return load(manifest["config"]["digest"])["config"]


def test_python_image_carries_the_command(store, blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("ukrom.images.parts.Parts.join", lambda self, tree, trees: None)  # seconds
    script = tmp_path / "server.py"
    script.write_text("import json\n")

    image = build_python_image(store, script, name="me/app", cache=tmp_path / "trees")

    command = python_warming("/usr/bin/python3", "/src/server.py")
    assert image.warm == (command,)
    assert config_of(store, image.digest)["Labels"] == {"ukrom.warm": json.dumps([command])}
    anew = ImageStore(blobs, tmp_path / "run" / "index.json")
    assert anew.resolve("me/app").warm == (command,)


def test_python_image_is_another_one_with_another_command(store, tmp_path, monkeypatch):
    monkeypatch.setattr("ukrom.images.parts.Parts.join", lambda self, tree, trees: None)
    script = tmp_path / "server.py"
    script.write_text("import json\n")
    before = build_python_image(store, script, name="me/app", cache=tmp_path / "trees")
    monkeypatch.setattr("ukrom.images.parts.python_warming", lambda *_: ("true",))

    after = build_python_image(store, script, name="me/app", cache=tmp_path / "trees")

    assert after.warm == (("true",),)
    assert after.digest != before.digest


def test_image_keeps_the_commands_that_it_was_put_with(store, root):
    image = store.put_image("me/app", root, warm=map(list, WARM))

    assert image.warm == WARM
    assert store.resolve("me/app").warm == WARM


def test_image_without_commands_has_no_label(store, root):
    image = store.put_image("me/app", root)

    assert image.warm == ()
    assert "Labels" not in config_of(store, image.digest)
    assert store.put_rom("me/rom", roms.build({"rom.py": "one"})).warm == ()


@pytest.fixture
def labelled(store):
    """Stores an image whose config has labels that some other tool may have written, and reads it."""

    def labelled(labels):
        blobs = store.blobs
        index = json.loads(blobs.read(write_contents(blobs, Contents("x86_64", ()))))
        (entry,) = index["manifests"]
        manifest = json.loads(blobs.read(Blob(entry["digest"], entry["size"])))
        config = json.loads(blobs.read(Blob(manifest["config"]["digest"], manifest["config"]["size"])))
        config["config"]["Labels"] = labels
        manifest["config"] |= described(blobs.put(dump(config)))
        entry |= described(blobs.put(dump(manifest)))
        return read_contents(blobs, blobs.put(dump(index)), "x86_64").warm

    def described(blob):
        return {"digest": blob.digest, "size": blob.size}

    return labelled


@pytest.mark.parametrize(
    "labels", [None, {}, {"maintainer": "somebody"}, {"ukrom.warm": "[]"}, {"ukrom.warm": ""}]
)
def test_labels_without_commands_are_fine(labelled, labels):
    assert labelled(labels) == ()


def test_label_holds_any_words(labelled):
    words = ["sh", "-c", "echo 'é \n\t\"$x\"'", ""]

    assert labelled({"ukrom.warm": json.dumps([words]), "other": "x"}) == (tuple(words),)


@pytest.mark.parametrize(
    "label",
    [
        "[",
        "python3 -c pass",
        "null",
        "5",
        "true",
        '"python3"',
        '["python3"]',
        '[["python3"], "-c"]',
        '{"python3": "-c"}',
        "[[1]]",
        "[[null]]",
        '[[["python3"]]]',
        "[" * 100_000,
        "[1" + "0" * 5000 + "]",
        ["python3"],
        {"python3": 1},
        5,
    ],
    ids=SimpleNamespace(find=lambda label: str(label)[:16]).find,
)
def test_label_that_holds_no_commands_is_a_damaged_image(labelled, label):
    with pytest.raises(
        ImageError, match=r"The documents of the image sha256:\w+ cannot be understood"
    ) as caught:
        labelled({"ukrom.warm": label})

    assert "anew" in caught.value.remedy


def test_labels_that_are_none_are_a_damaged_image(labelled):
    with pytest.raises(ImageError):
        labelled(["ukrom.warm"])
