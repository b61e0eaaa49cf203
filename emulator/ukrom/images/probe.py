"""What a Python interpreter says of itself: run inside it, needs nothing but its standard library.

Called in this process for the interpreter that runs, else run as a script by the other one.
"""

from __future__ import annotations

import json
import os
import sys


def describe() -> dict:  # type: ignore[type-arg]  # must run under any Python 3
    """Give all that a base image must know of the interpreter that runs this, as JSON values."""
    version = sys.version_info
    machine = os.uname().machine if hasattr(os, "uname") else ""
    executable = getattr(sys, "_base_executable", None) or sys.executable
    implementation = sys.implementation
    folders = [os.path.abspath(folder) for folder in sys.path if folder]  # noqa: PTH100
    return {
        "implementation": implementation.name,
        "platform": sys.platform,
        "machine": machine,
        "build": sys.version,
        "version": "%d.%d" % version[:2],  # noqa: UP031
        "executable": sys.executable,
        "binary": os.path.realpath(executable),
        "stdlib": os.path.dirname(os.path.realpath(os.__file__)),  # noqa: PTH120
        "extensions": next((f for f in folders if os.path.basename(f) == "lib-dynload"), None),  # noqa: PTH119
        "library_folder": getattr(sys, "platlibdir", "lib"),
        "sites": [f for f in folders if os.path.basename(f) in ("site-packages", "dist-packages")],  # noqa: PTH119
        "markers": _markers(machine),
    }


def _markers(machine: str) -> dict:  # type: ignore[type-arg]
    """The environment markers of PEP 508."""
    uname = os.uname() if hasattr(os, "uname") else None
    implementation = sys.implementation
    return {
        "implementation_name": implementation.name,
        "implementation_version": "%d.%d.%d" % implementation.version[:3],  # noqa: UP031
        "os_name": os.name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython" if implementation.name == "cpython" else "",
        "platform_release": uname.release if uname else "",
        "platform_system": uname.sysname if uname else "",
        "platform_version": uname.version if uname else "",
        "python_full_version": sys.version.split()[0].rstrip("+"),
        "python_version": "%d.%d" % sys.version_info[:2],  # noqa: UP031
        "sys_platform": sys.platform,
    }


if __name__ == "__main__":
    json.dump(describe(), sys.stdout)
