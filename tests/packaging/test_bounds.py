"""The lower bounds that `tox -e oldest` tests are those that a user may install."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]


def lower_bound(requirement):
    [bound] = [part.version for part in requirement.specifier if part.operator == ">="]
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}=={bound}{marker}"


def test_oldest_versions_are_the_lower_bounds():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]
    pinned = (REPOSITORY / "tests" / "packaging" / "oldest.txt").read_text().splitlines()

    assert sorted(str(Requirement(line)) for line in pinned if not line.startswith("#")) == sorted(
        str(Requirement(lower_bound(Requirement(text)))) for text in wanted
    )
