"""Triples, and ROMs to put into them."""

from __future__ import annotations

from ukrom.cloud import Change, FileOrder, ImageOrder, Op, RomOrder

ABSENT = object()


def triple(prop, op, value=ABSENT):
    given = value is not ABSENT
    return Change(prop, Op(op), value if given else None, given=given, wire=value if given else None)


def inline(name, at=None, data="x"):
    return RomOrder(name, files=(FileOrder("file", data),), at=at)


def by_image(name, at=None, image="org/rom:1"):
    return RomOrder(name, ImageOrder(image), at=at)
