"""The environments of clients: pinned by hash, made for whom they are meant, skipped where they cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli.set_up import SetUpError
from tests.clients import environments
from tests.clients.environments import HERE, WANTED, programs_of


@pytest.mark.parametrize("name", ["awscli", "sagemaker2", "airflow"])
def test_each_is_pinned_by_hash_to_what_its_list_names(name: str) -> None:
    text = (HERE / f"{name}.lock").read_text()
    entries = re.split(
        r"^(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE
    )[1:]
    assert [entry for entry in entries if "--hash=sha256:" not in entry or "==" not in entry.split()[0]] == []
    for wanted in (HERE / f"{name}.in").read_text().split():
        assert wanted in {entry.split()[0] for entry in entries}, f"{name}.lock lacks {wanted}: run make lock"


def test_what_is_dear_is_made_by_make_test_clients_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / "made")
    monkeypatch.setattr(environments, "build", lambda lock, environment: made.append(environment))
    monkeypatch.delenv(WANTED, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"NOT TESTED: airflow .* make test-clients"):
        programs_of("airflow", dear=True)
    assert made == []
    assert programs_of("awscli") == tmp_path / "made" / "awscli" / "bin"
    monkeypatch.setenv(WANTED, "1")
    programs_of("airflow", dear=True)
    assert [each.name for each in made] == ["awscli", "airflow"]


@pytest.mark.parametrize(
    ("said", "skipped"),
    [
        (
            "Retrying after connection broken by NewConnectionError: Temporary failure in name resolution",
            True,
        ),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", False),
    ],
)
def test_an_index_that_does_not_answer_is_no_failure_and_a_wrong_hash_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, skipped: bool
) -> None:
    def fail(lock: Path, environment: Path) -> None:
        raise SetUpError(said)

    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(environments, "build", fail)
    with pytest.raises(pytest.skip.Exception if skipped else SetUpError, match=said.split()[0]):
        programs_of("awscli")
