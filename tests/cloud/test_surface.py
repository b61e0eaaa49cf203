from __future__ import annotations

import ukrom.cloud


def test_public_names_are_there_and_sorted():
    names = ukrom.cloud.__all__

    assert len(names) == len(set(names))
    assert all(hasattr(ukrom.cloud, name) for name in names)
