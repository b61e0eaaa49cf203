"""Python packages with machine code in the guest, out of every interpreter that is at hand."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

from ukrom.images import build_python_image

IDLE = ("sleep", "600")
SYSTEM = Path("/usr/bin/python3")

VALIDATE = """
import sys, pydantic_core
from pydantic_core import SchemaValidator, core_schema
print(SchemaValidator(core_schema.int_schema()).validate_python("42"), pydantic_core.__version__)
print(sys.modules["pydantic_core._pydantic_core"].__file__)
"""


def test_guest_imports_a_c_extension_of_the_environment_that_runs_the_tests(ukrom, tmp_path):
    (tmp_path / "main.py").touch()
    image = ukrom.python_image(
        tmp_path / "main.py", name="e2e/pydantic", packages=["pydantic-core"], cmd=IDLE
    )
    instance = ukrom.run(image, memory_mb=256)

    done = instance.exec(["python3", "-c", VALIDATE])
    assert done.exit_code == 0, done.errors
    result, library = done.output.splitlines()
    assert result == f"42 {importlib.metadata.version('pydantic-core')}"
    assert library.endswith(".so")


def of_system(code):
    done = subprocess.run([SYSTEM, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_guest_runs_the_systems_interpreter_with_c_extensions(ukrom, tmp_path):
    """Where there is no system Python, the one that runs the tests takes its place."""
    interpreter = SYSTEM if SYSTEM.exists() else Path(sys.executable)
    (tmp_path / "main.py").touch()
    files = {}
    if not SYSTEM.exists() or of_system("import sysconfig; print(sysconfig.get_config_var('SOABI'))") == (
        sysconfig.get_config_var("SOABI")
    ):
        # The system's Python rarely has pydantic-core; one built for the same ABI will do.
        for name in ("pydantic-core", "typing-extensions"):
            for path in importlib.metadata.files(name) or ():
                if path.suffix in {".py", ".so"}:
                    files[f"/opt/site/{path}"] = Path(path.locate())
    build_python_image(
        ukrom.emulator.images,
        tmp_path / "main.py",
        name="e2e/system",
        cache=ukrom.emulator.cache.folder("trees"),
        files=files,
        cmd=IDLE,
        env={"PYTHONPATH": "/opt/site"},
        interpreter=interpreter,
    )
    instance = ukrom.run("e2e/system", memory_mb=256)

    code = "import json, sys, _ctypes, _ssl; print(json.dumps([sys.version, _ssl.__file__]))"
    done = instance.exec(["python3", "-c", code])
    assert done.exit_code == 0, done.errors
    version, library = json.loads(done.output)
    assert version == (of_system("import sys; print(sys.version)") if SYSTEM.exists() else sys.version)
    assert library.endswith(".so")
    if files:
        validated = instance.exec(["python3", "-c", VALIDATE])
        assert validated.exit_code == 0, validated.errors
        assert validated.output.startswith("42 ")
        assert "/opt/site/pydantic_core/" in validated.output
