"""Base images out of the running interpreter: what a guest would find, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ukrom.errors import BadReference, HostNotSupported, ImageError
from ukrom.images import ImageStore, build_python_image, probe
from ukrom.images.elf import is_elf
from ukrom.images.libraries import Binary, LibrarySearch
from ukrom.images.rootview import RootView

SYSTEM_PYTHON = "/usr/bin/python3"
IMPORTS = "http.server, json, ssl, sqlite3, ctypes, asyncio, socket, threading, multiprocessing, uuid, zlib"


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "server.py"
    path.write_text("print('serving')\n")
    return path


@pytest.fixture
def build(store, script, trees):
    def build(script=script, name="me/http-python", **options):
        return build_python_image(store, script, name=name, cache=trees, **options)

    return build


def unpack(image, folder: Path) -> Path:
    """Unpack the root file system of an image."""
    command = ["fsck.erofs", f"--extract={folder}", "--preserve-perms", "--no-preserve-owner"]
    subprocess.run([*command, image.root.path], check=True, capture_output=True)
    return folder


def run_inside(root: Path, *command: str) -> str:
    """Run a command with the image as its root, in a user namespace unless this is root."""
    enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
    done = subprocess.run(
        [*enter, str(root), *command],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def unresolved(root: Path) -> list[str]:
    """Libraries that a loader in the guest, which has no cache, would not find."""
    view = RootView(root)
    libc = next(path for path in root.rglob("libc.*") if path.name.startswith(("libc.so.6", "libc.musl")))
    search = LibrarySearch(root, (f"/{libc.parent.relative_to(root)}",), {})
    python = view.follow("/usr/bin/python3")
    program = Binary.read(python, f"/{python.relative_to(root)}")
    missing = []
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file() or not is_elf(path):
            continue
        binary = Binary.read(path, f"/{path.relative_to(root)}")
        missing += [f"{binary.guest} needs {name}" for name in search.closure(binary, (program,))[1]]
        if binary.elf.interpreter and not view.follow(binary.elf.interpreter).is_file():
            missing.append(f"{binary.guest} needs {binary.elf.interpreter}")
    return missing


@pytest.fixture(scope="module")
def root(tmp_path_factory, trees) -> Path:
    """The unpacked root of one image, for tests that only look at it."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "server.py").write_text("print('serving')\n")
    store = ImageStore(folder / "blobs", folder / "run" / "index.json")
    options = {"cache": trees, "packages": ["pydantic", "pygments"], "files": {"/src/helper.py": "x = 1\n"}}
    image = build_python_image(store, folder / "server.py", name="me/app", **options)
    return unpack(image, folder / "root")


def test_python_runs_with_what_is_in_the_image_alone(root):
    code = f"import sys, {IMPORTS}, pydantic_core; print(sys.prefix, sys.flags.isolated)"

    assert run_inside(root, "/usr/bin/python3", "-I", "-c", code) == "/usr 1\n"


def test_shell_and_programs_run_with_what_is_in_the_image_alone(root):
    assert run_inside(root, "/bin/sh", "-c", "echo $((6 * 7)); id -u; ls /src | cat") == (
        "42\n0\n__pycache__\nhelper.py\nserver.py\n"
    )


def test_python_of_the_system_runs_too(build, tmp_path):
    interpreter = SYSTEM_PYTHON if Path(SYSTEM_PYTHON).exists() else sys.executable
    root = unpack(build(interpreter=interpreter), tmp_path / "root")

    assert run_inside(root, "/usr/bin/python3", "-I", "-c", f"import {IMPORTS}; print('fine')") == "fine\n"
    assert unresolved(root) == []


def test_every_library_is_where_the_guests_loader_looks(root):
    assert unresolved(root) == []


def test_bytecode_is_used_and_never_checked_against_the_source(root):
    code = "import sys, http.server, pydantic\n"
    code += "print(*(getattr(module, '__cached__', None) for module in sys.modules.values()))"

    used = [path for path in run_inside(root, "/usr/bin/python3", "-I", "-c", code).split() if path != "None"]

    assert len(used) > 50
    for cached in used:
        head = (root / cached.lstrip("/")).read_bytes()[:8]
        assert head[4:8] == b"\x01\0\0\0", f"{cached} is not unchecked-hash"


def test_tracebacks_name_the_guests_files_and_show_their_lines(root):
    code = "import json, sys, traceback\n"
    code += "try: json.loads('{')\nexcept ValueError: traceback.print_exc(file=sys.stdout)"

    shown = run_inside(root, "/usr/bin/python3", "-I", "-c", code)

    assert "/json/decoder.py" in shown
    assert str(root) not in shown
    assert "self.scan_once(s, idx)" in shown


def test_image_is_pruned(root):
    names = {path.name for path in root.rglob("*")}

    assert not names & {"idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "turtle.py", "pip"}
    assert not any(name.endswith(".a") for name in names)
    assert {"unittest", "distutils" if sys.version_info < (3, 12) else "email", "encodings"} <= names


def test_script_runs_by_default(build, root):
    image = build()

    assert image.args == ("/usr/bin/python3", "/src/server.py")
    assert image.env["PYTHONUNBUFFERED"] == "1"
    assert run_inside(root, *image.args) == "serving\n"


def test_command_and_environment_can_be_chosen(build):
    image = build(cmd=["sh", "-c", "true"], env={"PYTHONUNBUFFERED": "", "A": "1"})

    assert image.args == ("sh", "-c", "true")
    assert (image.env["PYTHONUNBUFFERED"], image.env["A"]) == ("", "1")


def test_users_files_are_where_they_were_asked_to_be(build, tmp_path):
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    (package / "__pycache__" / "__init__.cpython-311.pyc").write_text("stale")
    (package / "link").symlink_to("__init__.py")
    image = build(
        files={
            "/wrapper.sh": '#!/bin/sh\nexec "$@"\n',
            "/etc/hosts": "127.0.0.1 other\n",
            "/data/raw": b"\0\1",
            "/src/package": package,
            "/bin/tool": "#!/bin/sh\necho tool\n",
        },
        cmd=["/wrapper.sh", "python3", "-c", "import package; print(package.x, package.__cached__)"],
    )
    root = unpack(image, tmp_path / "root")

    assert (root / "wrapper.sh").stat().st_mode & 0o777 == 0o755
    assert (root / "etc/hosts").read_text() == "127.0.0.1 other\n"
    assert (root / "data/raw").read_bytes() == b"\0\1"
    assert (root / "src/package/link").is_symlink()
    assert b"stale" not in b"".join(p.read_bytes() for p in (root / "src/package/__pycache__").iterdir())
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert run_inside(root, "tool") == "tool\n"


def test_users_machine_code_comes_with_its_libraries(build, tmp_path, make_elf):
    library = make_elf(tmp_path / "lib/libown.so.1")
    options = {"needed": ("libown.so.1",), "runpath": str(tmp_path / "lib")}
    extension = make_elf(tmp_path / "extension.so", **options)
    foreign = make_elf(tmp_path / "foreign.so", **options, architecture="riscv64")
    image = build(files={"/opt/extension.so": extension, "/opt/foreign.so": foreign})
    root = unpack(image, tmp_path / "root")

    assert (root / str(library).lstrip("/")).read_bytes() == library.read_bytes()
    assert (root / "opt/foreign.so").read_bytes() == foreign.read_bytes()


def test_users_modules_are_compiled_too(root):

    compiled = {path.name.partition(".")[0]: path for path in (root / "src/__pycache__").iterdir()}
    assert set(compiled) == {"helper"}
    assert compiled["helper"].read_bytes()[4:8] == b"\x01\0\0\0"


def test_console_scripts_of_packages_run_in_the_guest(root):
    assert run_inside(root, "/usr/bin/pygmentize", "-V").startswith("Pygments version")


def test_second_build_packs_nothing(build, monkeypatch):
    first = build()
    monkeypatch.setattr("ukrom.roms.erofs.write_directory", None)

    assert build(name="me/other").digest == first.digest


def test_new_script_compiles_no_standard_library(build, script, monkeypatch):
    first = build()
    script.write_text("print('changed')\n")
    monkeypatch.setattr("ukrom.images.runtime.compile_modules", None)

    assert build().digest != first.digest


def test_image_that_was_swept_away_is_built_anew(build, store):
    first = build()
    first.root.path.unlink()

    again = build()

    assert again.root.path.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"env": {"A": "1"}},
        {"cmd": ["sh"]},
        {"files": {"/a": "1"}},
        {"files": {"/a": "2"}},
        {"programs": ["sh", "cat"]},
        {"packages": ["typing-extensions"]},
    ],
)
def test_whatever_changes_changes_the_image(build, change, monkeypatch):
    monkeypatch.setattr("ukrom.images.python._build", lambda store, name, record, parts, trees: record)

    assert build(**change) != build()


def test_upgraded_library_changes_the_image(build, monkeypatch):
    monkeypatch.setattr("ukrom.images.python._build", lambda store, name, record, parts, trees: record)
    before = build()
    monkeypatch.setattr("ukrom.images.parts.host_libraries_key", lambda architecture: "upgraded")

    assert build() != before


def test_missing_script_is_refused(build, tmp_path):
    with pytest.raises(ImageError, match=r"The script '.*gone\.py' does not exist.\nRelative paths start at"):
        build(tmp_path / "gone.py")


def test_directory_as_script_is_refused(build, tmp_path):
    with pytest.raises(ImageError, match="is no file"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"relative": "x"}, "'relative' in files is no absolute path of the guest"),
        ({"/src/server.py": "x"}, "'/src/server.py' is in files, and is where the script goes"),
        ({"/../x": "x"}, r"'\.\.' in it"),
        ({"/x": Path("/gone/file")}, "'/gone/file', meant for 'x', cannot be read"),
        ({"/etc": "x"}, "'/etc' is a folder of the image"),
        ({"/x": Path(os.devnull)}, "is a device"),
        ({"/x": 1}, "content of 'x' is a int"),
    ],
)
def test_file_that_has_no_place_is_refused(build, files, reason):
    with pytest.raises(ImageError, match=reason):
        build(files=files)


def test_command_without_its_program_is_refused(build):
    with pytest.raises(ImageError, match=r"program '/wrapper\.sh' is not in the image"):
        build(cmd=["/wrapper.sh", "python3"])


def test_missing_package_is_refused(build):
    with pytest.raises(ImageError, match="'no-such-package' is not installed"):
        build(packages=["no-such-package"])


def test_missing_program_is_refused(build):
    with pytest.raises(ImageError, match="'frobnicate' is not on this machine"):
        build(programs=["frobnicate"])


def test_bad_name_is_refused(build):
    with pytest.raises(BadReference):
        build(name="Not A Name")


def test_host_that_is_no_linux_is_refused_with_what_to_do(build, monkeypatch):
    said = probe.describe() | {"platform": "darwin"}
    monkeypatch.setattr(probe, "describe", lambda: said)

    with pytest.raises(HostNotSupported, match="image_from_dir"):
        build()


def test_failed_build_leaves_nothing_behind(build, trees, store):
    with pytest.raises(ImageError):
        build(cmd=["/gone"])

    assert not list(trees.glob(".*.partial"))
    assert not list((store.blobs.folder / "sha256").iterdir())
