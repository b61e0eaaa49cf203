from __future__ import annotations

import pytest

import pytest_ukrom


def test_public_names_are_these():
    assert pytest_ukrom.__all__ == [
        "Execution",
        "Instance",
        "InstanceFailed",
        "Refused",
        "Rom",
        "RomAttachment",
        "Ukrom",
    ]
    assert dir(pytest_ukrom) == pytest_ukrom.__all__
    for name in pytest_ukrom.__all__:
        assert getattr(pytest_ukrom, name).__name__ == name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'pytest_ukrom' has no attribute 'Nothing'"):
        pytest_ukrom.Nothing  # noqa: B018 - the access is the test
