"""ROMs in every form: inline, many at once, and formats that nobody mounts."""

from __future__ import annotations

import base64
import hashlib
import secrets

import pytest

IDLE = ["sleep", "600"]


def test_inline_rom_is_mounted_with_the_files_of_the_request(ukrom, app):
    nonce, secret = secrets.token_hex(8), secrets.token_bytes(5000)
    files = [
        {"path": "config/settings.json", "encoding": "text", "data": f'{{"nonce": "{nonce}"}}'},
        {"path": "certs/client.der", "encoding": "base64", "data": base64.b64encode(secret).decode()},
    ]
    instance = ukrom.run(app, args=IDLE, roms=[{"name": "my-rom", "at": "/rom/my-rom", "files": files}])

    assert instance.exec(["cat", "/rom/my-rom/config/settings.json"]).output == f'{{"nonce": "{nonce}"}}'
    digest = instance.exec(["sha256sum", "/rom/my-rom/certs/client.der"]).output.split()[0]
    assert digest == hashlib.sha256(secret).hexdigest()
    assert "/dev/ukp_rom1 on /rom/my-rom type erofs (ro," in instance.exec(["mount"]).output


def test_eight_roms_are_mounted_inside_each_other_in_any_order(ukrom, app):
    """The longest mount point comes first in the request: an outer ROM must not hide an inner one."""
    points = [f"/r{'/in' * depth}" for depth in reversed(range(8))]
    contents = {point: secrets.token_hex(8) for point in points}
    roms = []
    for number, point in enumerate(points):
        rom = ukrom.build_rom({"in/.keep": "", "word": contents[point]}, name=f"nested{number}")
        roms.append(rom.attach(f"level{number}", at=point))
    instance = ukrom.run(app, args=IDLE, roms=roms)

    read = instance.exec(["cat", *(f"{point}/word" for point in points)])
    assert read.output == "".join(contents.values())
    links = instance.exec(["sh", "-c", "ls -l /dev/ukp_rom_*"]).output
    for number in range(8):
        # The root file system is ROM 0, and the rest count in the order of the request.
        assert f"/dev/ukp_rom_level{number} -> /dev/ukp_rom{number + 1}\n" in links


@pytest.mark.parametrize("kind", ["cpio", "raw"])
def test_rom_that_is_no_file_system_stays_a_bare_device(ukrom, app, kind):
    files = {"data.bin": secrets.token_bytes(10000)}
    rom = ukrom.build_rom(files, name=f"bare-{kind}", format=kind)
    instance = ukrom.run(app, args=IDLE, roms=[rom.attach("bare", at="/bare")])

    assert instance.exec(["sha256sum", "/dev/ukp_rom_bare"]).output.split()[0] == rom.digest.split(":")[1]
    assert " on /bare " not in instance.exec(["mount"]).output
    assert "mount /dev/ukp_rom1 -> /bare: " in instance.logs()
