"""A firmware of our own, to time a machine by: it counts in protected mode, then leaves QEMU."""

from __future__ import annotations

__all__ = ["EXIT_STATUS", "LOOPS", "firmware"]

LOOPS = 20_000_000
"""How often it counts: 7 ms on hardware, 45 ms under TCG, 7.6 s on a KVM that interprets."""

_EXIT_CODE = 0x2A
EXIT_STATUS = _EXIT_CODE * 2 + 1
"""What QEMU's isa-debug-exit device makes of the code the firmware writes to it."""

_SIZE = 0x10000
_GDT, _GDT_POINTER, _PROTECTED, _RESET = 0x20, 0x30, 0x40, 0xFFF0

_REAL_MODE = bytes.fromhex(
    "fa"  #                cli
    "2e660f01163000"  #    o32 lgdt cs:[_GDT_POINTER]
    "0f20c0"  #            mov eax, cr0
    "0c01"  #              or al, 1               ; protection on
    "0f22c0"  #            mov cr0, eax
    "66ea40000f000800"  #  jmp dword 8:0xf0040    ; _PROTECTED, through the flat code segment
)
# The null descriptor, then one flat 32-bit code segment over 4 GiB.
_SEGMENTS = bytes(8) + bytes.fromhex("ffff0000009bcf00")
_SEGMENTS_POINTER = (len(_SEGMENTS) - 1).to_bytes(2, "little") + (0xF0000 + _GDT).to_bytes(4, "little")
_JUMP_TO_START = bytes.fromhex("ea000000f0")  # jmp far 0xf000:0


def firmware(loops: int = LOOPS) -> bytes:
    """The 64 KiB that QEMU maps below 1 MiB and below 4 GiB; the processor starts 16 bytes before their end.

    Real mode alone would not do: processors before 2010 need help there under KVM that works well
    otherwise. Flat protected mode runs at full speed on every real KVM.
    """
    count = (
        b"\xb9" + loops.to_bytes(4, "little")  # mov ecx, loops
        + b"\x49"  #                             count: dec ecx
        + b"\x75\xfd"  #                         jnz count
        + bytes([0xB0, _EXIT_CODE])  #           mov al, code
        + b"\x66\xba\xf4\x00"  #                 mov dx, 0xf4        ; isa-debug-exit
        + b"\xee"  #                             out dx, al
    )  # fmt: skip
    image = bytearray(b"\xf4" * _SIZE)  # hlt: whoever gets lost stays there
    parts = {0: _REAL_MODE, _GDT: _SEGMENTS, _GDT_POINTER: _SEGMENTS_POINTER, _PROTECTED: count}
    for start, part in (parts | {_RESET: _JUMP_TO_START}).items():
        image[start : start + len(part)] = part
    return bytes(image)
