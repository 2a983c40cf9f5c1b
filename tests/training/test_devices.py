from pathlib import Path

import pytest

from devices import multiplies_in_bfloat16

X86 = "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu {}avx512f sse\nbugs\t\t: spectre\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}i8mm\nCPU part\t: 0xd40\n"


@pytest.mark.parametrize(
    ("form", "flag"),
    [(X86, "avx512_bf16 "), (X86, "amx_bf16 "), (ARM, "bf16 ")],
    ids=["avx512", "amx", "arm"],
)
def test_bfloat16_is_used_where_the_cpu_has_instructions_for_it(form: str, flag: str, tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(form.format(flag))
    assert multiplies_in_bfloat16(cpuinfo)
    cpuinfo.write_text(form.format(""))
    assert not multiplies_in_bfloat16(cpuinfo)


def test_where_nothing_tells_of_the_cpu_it_is_not_used(tmp_path: Path) -> None:
    assert not multiplies_in_bfloat16(tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("")
    assert not multiplies_in_bfloat16(tmp_path / "cpuinfo")
