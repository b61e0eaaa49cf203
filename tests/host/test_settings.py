"""What a user chose, and which choice wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from ukrom.errors import SettingsError
from ukrom.host import Choices, choices, remember, remembered


def test_nothing_is_chosen_at_first(cache):
    assert choices(cache, {}) == Choices()


def test_choices_are_remembered(cache):
    chosen = Choices(qemu=Path("/opt/qemu"), kernel=Path("/opt/vmlinuz"))
    remember(cache, chosen)
    assert remembered(cache) == chosen


def test_environment_wins_over_what_is_remembered(cache):
    remember(cache, Choices(qemu=Path("/old")))
    assert choices(cache, {"UKROM_QEMU": "/new"}) == Choices(qemu=Path("/new"))


def test_remembered_modules_are_not_mixed_with_another_kernel(cache):
    remember(cache, Choices(kernel=Path("/old"), modules=Path("/old.d"), qemu=Path("/qemu")))
    chosen = choices(cache, {"UKROM_KERNEL": "/new"})
    assert chosen == Choices(kernel=Path("/new"), modules=None, qemu=Path("/qemu"))


@pytest.mark.parametrize("content", ["{", "[]", '{"qemu": 7}'])
def test_damaged_settings_are_told(cache, content):
    cache.write("", "settings.json", content.encode())
    with pytest.raises(SettingsError, match=r"settings cannot be read: (.|\n)*Delete .*settings\.json"):
        choices(cache, {})
