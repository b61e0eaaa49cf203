"""The plugin's options: command line, then environment, then ini file, then default.

Loaded at every start of pytest, so it imports nothing heavy.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ukrom.cloud import Limits

__all__ = ["OPTIONS", "Option", "Options", "add_options", "resolve"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option under its three names: `--ukrom-x`, `UKROM_X`, and `ukrom_x` in the ini file."""

    name: str
    help: str
    choices: tuple[str, ...] = ()
    """Empty for a flag, and for a value that is any text."""
    value: str = ""
    """What stands for a value that is any text; empty for a flag."""
    pattern: str = ""
    """What such a text must look like."""
    read: Callable[[str, str], Any] | None = None
    """Reads such a text where a pattern does not tell enough, or refuses it; the second argument says
    where it stands."""

    @property
    def flag(self) -> str:
        """The command line's name."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment's name."""
        return self.name.upper()


def _quotas(text: str, where: str) -> Limits:
    from pytest_ukrom.quotas import read_quotas  # noqa: PLC0415 - heavy, and for this option only

    return read_quotas(text, where)


OPTIONS = (
    Option("ukrom", "run instances in real VMs (QEMU); without it, tests that need one are skipped"),
    Option(
        "ukrom_runner",
        "what runs instances: auto means qemu (never a silent stub); stub is state only",
        ("auto", "qemu", "stub"),
    ),
    Option(
        "ukrom_missing",
        "what becomes of a test when its VM cannot run here; auto: fail if CI is set, else skip",
        ("auto", "skip", "fail"),
    ),
    Option("ukrom_require_vm", "fail every test that would be skipped for want of a VM"),
    Option("ukrom_no_layers", "boot every VM cold, without snapshot layers: slower, and the same otherwise"),
    Option("ukrom_no_spare", "prepare no VM for the next instance while a test is busy with its own"),
    Option("ukrom_keep", "leave the VMs of failing tests up, and print how to reach them"),
    Option(
        "ukrom_suffix",
        "the domain suffix that the API reports for instances; both are always served",
        ("unikraft.app", "kraft.cloud"),
    ),
    Option(
        "ukrom_metros",
        "codes of the emulated metros; the first is the one that is meant where none is named",
        value="CODE,...",
        pattern=r"[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*",
    ),
    Option(
        "ukrom_unknown_fields",
        "what becomes of a request with unknown fields: refused, or answered without them and with a warning",
        ("refuse", "warn"),
    ),
    Option(
        "ukrom_seed",
        "fixes UUIDs, random names and chance: they depend on it and on the test's name only",
        value="N",
        pattern=r"-?[0-9]{1,18}",
    ),
    Option(
        "ukrom_quota",
        "quotas of every account, under the names that the quotas answer has: instances=1000,max_vcpus=4",
        value="NAME=N,...",
        read=_quotas,
    ),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose."""

    vm: bool
    runner: str
    missing: str
    require_vm: bool
    no_layers: bool
    no_spare: bool
    keep: bool
    suffix: str
    metros: tuple[str, ...]
    """Empty for the emulator's own choice."""
    unknown_fields: Literal["refuse", "warn"]
    seed: int | None
    limits: Limits | None
    """None for the emulator's own."""
    origins: Mapping[str, str]
    """How each value was given that was given at all, by option name."""

    @property
    def stub(self) -> bool:
        """Whether instances are stubs, whatever fixture they belong to."""
        return self.runner == "stub"


def add_options(parser: pytest.Parser) -> None:
    """Offer every option on the command line and in the ini file."""
    group = parser.getgroup("ukrom", "Unikraft Cloud emulator with ROMs")
    for option in OPTIONS:
        text = f"{option.help} (ini: {option.name}, env: {option.variable})"
        if option.choices:
            group.addoption(option.flag, dest=option.name, choices=option.choices, default=None, help=text)
            parser.addini(option.name, option.help, default="")
        elif option.value:
            group.addoption(option.flag, dest=option.name, metavar=option.value, default=None, help=text)
            parser.addini(option.name, option.help, default="")
        else:
            group.addoption(option.flag, dest=option.name, action="store_true", default=None, help=text)
            parser.addini(option.name, option.help, type="bool", default=False)


def resolve(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Options:
    """Find the value of every option.

    Raises:
        pytest.UsageError: A value in the environment or the ini file is none of the choices, or two
            options contradict each other.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for option in OPTIONS:
        values[option.name], origin = _resolve(option, config, environ)
        if origin:
            origins[option.name] = origin
    if values["ukrom_require_vm"] and values["ukrom_runner"] == "stub":
        where = f"{origins['ukrom_require_vm']} and {origins['ukrom_runner']}"
        raise pytest.UsageError(f"{where} contradict each other: the stub runner runs no VMs")
    return Options(
        vm=bool(values["ukrom"]),
        runner=str(values["ukrom_runner"]),
        missing=str(values["ukrom_missing"]),
        require_vm=bool(values["ukrom_require_vm"]),
        no_layers=bool(values["ukrom_no_layers"]),
        no_spare=bool(values["ukrom_no_spare"]),
        keep=bool(values["ukrom_keep"]),
        suffix=str(values["ukrom_suffix"]),
        metros=tuple(values["ukrom_metros"].split(",")) if values["ukrom_metros"] else (),
        unknown_fields=values["ukrom_unknown_fields"],
        seed=int(values["ukrom_seed"]) if values["ukrom_seed"] else None,
        limits=values["ukrom_quota"] or None,
        origins=origins,
    )


def _resolve(option: Option, config: pytest.Config, environ: Mapping[str, str]) -> tuple[Any, str]:
    given = config.getoption(option.name)
    if given is not None and option.value:
        return _parsed(option, given, option.flag), f"{option.flag}={given}"
    if given is not None:
        return given, f"{option.flag}={given}" if option.choices else option.flag
    variable = environ.get(option.variable, "")
    if variable:
        value = _parsed(option, variable, f"the environment variable {option.variable}")
        return value, f"{option.variable}={variable} in the environment"
    try:
        ini = config.getini(option.name)
    except (ValueError, TypeError, pytest.UsageError) as error:  # what it is depends on pytest's version
        raise pytest.UsageError(f"the ini option {option.name}: {error}") from None
    if ini is True:
        return True, f"{option.name} = true in the ini file"
    if ini:
        value = _parsed(option, ini, f"the ini option {option.name}")
        return value, f"{option.name} = {ini} in the ini file"
    return (option.choices[0] if option.choices else "" if option.value else False), ""


def _parsed(option: Option, value: str, where: str) -> Any:
    if option.read is not None:
        return option.read(value, where)
    if option.value:
        if not re.fullmatch(option.pattern, value):
            raise pytest.UsageError(f"{where} is {value!r}, expected {option.value}")
        return value
    allowed = option.choices or ("1", "true", "yes", "on", "0", "false", "no", "off")
    if value.lower() not in allowed:
        raise pytest.UsageError(f"{where} is {value!r}, expected one of {', '.join(allowed)}")
    return value.lower() if option.choices else value.lower() in {"1", "true", "yes", "on"}
