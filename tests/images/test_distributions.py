"""Distributions of an environment, and what they bring along."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ukrom.errors import ImageError
from ukrom.images.distributions import find_distributions
from ukrom.images.interpreter import inspect_interpreter

if TYPE_CHECKING:
    from pathlib import Path


class Site:
    """An environment to install made-up distributions into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = replace(inspect_interpreter(sys.executable), sites=(folder,))

    def install(
        self, name: str, files=("{}.py",), requires=(), version="1.0", record=True, **metadata
    ) -> Path:
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        listed = [file.format(name.replace("-", "_")) for file in files]
        for file in listed:
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x = 1\n")
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines))
        for other, text in metadata.items():
            (info / other.replace("__", ".")).write_text(text)
        if record:
            listed += [f"{info.name}/METADATA", f"{info.name}/RECORD"]
            (info / "RECORD").write_text("".join(f"{file},,\n" for file in listed))
        return info

    def find(self, *requirements: str) -> dict[str, tuple[str, ...]]:
        return {found.name: found.files for found in find_distributions(self.python, requirements)}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site-packages")


def test_distribution_brings_its_dependencies(site):
    site.install("app", requires=["lib-a>=1", "windows-only; sys_platform == 'win32'"])
    site.install("lib-a", requires=["App"])

    assert sorted(site.find("App")) == ["app", "lib-a"]


def test_extras_are_heeded(site):
    site.install("app", requires=["lib-a; extra == 'fast'"])
    site.install("lib-a")

    assert sorted(site.find("app")) == ["app"]
    assert sorted(site.find("app[fast]")) == ["app", "lib-a"]
    assert sorted(site.find("app", "app[fast]")) == ["app", "lib-a"]


def test_files_are_those_of_the_record_without_bytecode_and_outsiders(site):
    (site.folder / "bin").mkdir(parents=True)
    site.install("app", files=["app/__init__.py", "app/__pycache__/__init__.cpython-311.pyc", "../outside"])

    (files,) = site.find("app").values()

    assert files == ("app-1.0.dist-info/METADATA", "app-1.0.dist-info/RECORD", "app/__init__.py")


def test_recorded_file_that_is_gone_is_passed_over(site):
    site.install("app", files=["app.py", "gone.py"])
    (site.folder / "gone.py").unlink()

    assert "gone.py" not in site.find("app")["app"]


@pytest.mark.parametrize("top_level", [{"top_level__txt": "app\n_app\n"}, {}])
def test_debian_package_without_a_record_is_found_by_its_modules(site, top_level):
    files = [
        "app/__init__.py",
        "app/sub/mod.py",
        "app/ext.so",
        "_app.cpython-311-x86_64-linux-gnu.so",
        "other.py",
    ]
    site.install("app", files=files, record=False, **top_level)

    found = site.find("app")["app"]

    assert {"app/__init__.py", "app/sub/mod.py", "app/ext.so"} <= set(found)
    assert "app-1.0.dist-info/METADATA" in found
    assert ("_app.cpython-311-x86_64-linux-gnu.so" in found) == bool(top_level)
    assert "other.py" not in found


def test_distribution_without_files_of_its_name_is_refused(site):
    site.install("app", files=["other.py"], record=False)

    with pytest.raises(ImageError, match="'app' does not say which files it has"):
        site.find("app")


def test_missing_package_is_refused_with_the_command_to_install_it(site):
    with pytest.raises(ImageError) as caught:
        site.find("app[fast]>=2")
    assert "The package 'app' is not installed for" in str(caught.value)
    assert caught.value.remedy.endswith("-m pip install 'app[fast]>=2'")


def test_missing_dependency_names_who_needs_it(site):
    site.install("app", requires=["lib-a"])

    with pytest.raises(ImageError, match="'lib-a', which 'app' needs, is not installed"):
        site.find("app")


def test_wrong_version_is_refused(site):
    site.install("app", version="1.5")

    with pytest.raises(ImageError, match=r"'app' is installed in version 1\.5, but '>=2' is asked for"):
        site.find("app>=2")


def test_text_that_is_no_requirement_is_refused(site):
    with pytest.raises(ImageError, match="'not a package' names no package"):
        site.find("not a package")


@pytest.mark.parametrize(
    "marks",
    [
        {"direct_url__json": json.dumps({"url": "file:///src", "dir_info": {"editable": True}})},
        {"files": ["__editable__.app-1.0.pth"]},
    ],
)
def test_editable_install_is_refused_with_what_to_do(site, marks):
    site.install("app", **marks)

    with pytest.raises(
        ImageError, match=r"'app' is installed in editable mode.*\nPut its source into the image"
    ):
        site.find("app")


def test_console_scripts_come_along(site):
    site.install("app", entry_points__txt="[console_scripts]\nserve = app:main\n[gui_scripts]\nx = app:gui\n")

    (found,) = find_distributions(site.python, ["app"])

    assert found.scripts == (("serve", "app:main"),)


def test_key_changes_with_the_content(site):
    site.install("app")
    before = find_distributions(site.python, ["app"])[0].key()
    (site.folder / "app.py").write_text("x = 22\n")

    assert find_distributions(site.python, ["app"])[0].key() != before


def test_real_environment_is_read():
    found = find_distributions(inspect_interpreter(sys.executable), ["pydantic"])

    names = {one.name for one in found}
    assert {"pydantic", "pydantic-core", "typing-extensions"} <= names
    assert any(file.endswith(".so") for one in found for file in one.files)
