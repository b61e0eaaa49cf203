"""Runs the benchmarks that were named; without a name runs all, and then keeps RESULTS.md."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from bench.measure import Section, machine
from ukrom.errors import UkromError

NAMES = ("startup", "api", "waits", "many", "ingress", "images", "vm", "layers", "memory", "network")
RESULTS = Path(__file__).parent / "RESULTS.md"

HEAD = """# Measured

What `make bench` found when it was last run, beside the budgets where there are any. Times are medians,
but for those of one occasion: a first request, an empty cache. Memory is that of one machine, or instance.

Machine: {machine}.
"""


def main() -> int:
    """Run, print, and write the results if they are complete."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=", ".join(NAMES))
    names = parser.parse_args().name
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    head = HEAD.format(
        machine=", ".join(
            f"{value}" if key == "cpu" else f"{key} {value}" for key, value in machine().items()
        )
    )
    print(head, flush=True)
    texts = []
    failed = False
    for name in names or NAMES:
        try:
            section = import_module(f"bench.{name}").measure()
        except UkromError as error:
            failed = True
            section = Section(name.capitalize(), (), (f"Not measured: {error}",))
        texts.append(section.text())
        print(f"{texts[-1]}\n", flush=True)
    if failed:
        print("RESULTS.md was left as it is: not everything could be measured.", file=sys.stderr)
    elif not names:
        RESULTS.write_text("\n".join([head, *(f"{text}\n" for text in texts)]))
    return failed


if __name__ == "__main__":
    sys.exit(main())
