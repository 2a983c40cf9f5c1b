"""What of the CPU decides results is part of what identifies them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.local.jobs.arithmetic import arithmetic, bfloat16_flags


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16", ("CPU with bfloat16",)),
        ("flags\t\t: fpu amx_bf16 amx_tile", ("CPU with bfloat16",)),
        ("Features\t: fp asimd bf16", ("CPU with bfloat16",)),
        ("flags\t\t: fpu avx2 avx512f", ()),
        ("model name\t: bf16", ()),
    ],
    ids=["avx512", "amx", "arm", "none", "name"],
)
def test_a_cpu_that_multiplies_in_bfloat16_is_told_from_others(
    line: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert arithmetic(tmp_path / "cpuinfo") == expected


def test_its_instructions_are_named(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t: fpu avx512_bf16 amx_bf16 sse\n")
    assert bfloat16_flags(tmp_path / "cpuinfo") == ["amx_bf16", "avx512_bf16"]


def test_what_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    assert arithmetic(tmp_path / "cpuinfo") == ()
    assert bfloat16_flags(tmp_path / "cpuinfo") is None
