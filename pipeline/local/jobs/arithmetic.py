"""What this machine's CPU computes in. The same packages, and the same image, give other results on another CPU."""

from __future__ import annotations

from pathlib import Path

# What Linux calls instructions for products of bfloat16; training/devices.py asks for the same.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def arithmetic(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """What it computes in besides what every CPU does, as far as Linux tells, for the key of the step cache."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return () if BFLOAT16_FLAGS.isdisjoint(value.split()) else ("CPU with bfloat16",)
    return ()
