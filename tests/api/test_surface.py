from __future__ import annotations

import ukrom.api


def test_public_names_are_there_and_unique():
    names = ukrom.api.__all__

    assert len(names) == len(set(names))
    assert all(hasattr(ukrom.api, name) for name in names)
