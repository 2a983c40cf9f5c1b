"""What this machine's CPU computes in. The same packages, and the same image, give other results on another CPU."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# What Linux calls instructions for products of bfloat16: two of x86's, one of Arm's; training/devices.py asks for
# the same.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def bfloat16_flags(cpuinfo: Path = CPUINFO) -> list[str] | None:
    """The instructions for products of bfloat16 that the CPU has, by name; None where the system does not say."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return sorted(BFLOAT16_FLAGS.intersection(value.split()))
    return None


def arithmetic(cpuinfo: Path = CPUINFO) -> tuple[str, ...]:
    """What it computes in besides what every CPU does, as far as Linux tells, for the key of the step cache."""
    return ("CPU with bfloat16",) if bfloat16_flags(cpuinfo) else ()
