"""The command `doctor`: a line for each part of the machine, and whether a local run would work."""

from __future__ import annotations

import pytest

from pipeline.cli.commands import doctor
from pipeline.cli.main import main

NAMES = [
    "Python", "state folder", "data set", "cores, memory", "bfloat16", "GPU", "sandbox", "containers", "AWS"
]  # fmt: skip


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """No account, and as much memory and space as it takes."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "FASHION_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(doctor, "NEEDED_DISK", 0)
    monkeypatch.setattr(doctor, "NEEDED_MEMORY", 0)


def lines(capsys):
    return {line[2:17].strip(): (line[0], line[17:]) for line in capsys.readouterr().out.splitlines()}


def test_each_part_has_a_line(capsys):
    assert main(["doctor"]) == 0
    found = lines(capsys)
    assert list(found) == NAMES
    assert found["AWS"] == ("·", "no credentials; a local run needs none")
    assert found["Python"][0] == "✓"
    assert found["sandbox"][0] in "✓·"


def test_what_a_local_run_cannot_do_without_is_a_failure(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("FASHION_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr(doctor, "NEEDED_DISK", 1 << 80)
    assert main(["doctor"]) == 1
    found = lines(capsys)
    assert found["state folder"][0] == "✗"
    assert found["data set"][0] == "✗"
    assert str(tmp_path / "nothing") in found["data set"][1]


def test_an_account_that_does_not_answer_is_said_at_once(monkeypatch, capsys):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    assert main(["doctor"]) == 0
    assert lines(capsys)["AWS"][1].startswith("not reached: ")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["amx_bf16", "avx512_bf16"], ("✓", "amx_bf16, avx512_bf16")),
        ([], ("·", "not on this CPU")),
        (None, ("·", "unknown: this system does not say")),
    ],
    ids=["has", "lacks", "unknown"],
)
def test_bfloat16_is_what_the_step_cache_knows_of_the_cpu(flags, expected, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "bfloat16_flags", lambda: flags)
    assert main(["doctor"]) == 0
    assert lines(capsys)["bfloat16"] == expected
