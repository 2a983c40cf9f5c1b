"""Flipped bits in the state database: every command that reads it ends with a sentence, and shows what is sound."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.result import run_result
from pipeline.errors import StateError
from pipeline.local.state.rebuilding import rebuild
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.local.kept_state import ARN, GROUP, execution, make_state, state_of

EXECUTIONS, PACKAGES = 12, 3
# `make soak` flips a thousand bits for each command.
FLIPS = int(os.environ.get("FLIPS", "48"))
COMMANDS: Sequence[Sequence[str]] = (
    ("executions",),
    ("executions", "--json"),
    ("registry", "list"),
    ("registry", "list", "--json"),
    ("registry", "show", "2"),
    ("show",),
    ("show", "exec00000003", "--json"),
    ("logs", "exec00000003", "NormalizeData"),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home.open(tmp_path_factory.mktemp("state") / "state")
    make_state(home, EXECUTIONS, PACKAGES)
    return home


class Spoiling:
    """The state folder, whose database can be put back with a bit flipped."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.content = home.database.read_bytes()

    def flip(self, *bits: int) -> None:
        """Put it back as it was, but for these bits."""
        damaged = bytearray(self.content)
        for bit in bits:
            damaged[bit // 8] ^= 1 << bit % 8
        for suffix in ("-wal", "-shm"):
            Path(f"{self.home.database}{suffix}").unlink(missing_ok=True)
        self.home.database.write_bytes(damaged)

    def any_bit(self, seed: int) -> int:
        """Half of them anywhere; a quarter in the header of the file, and in the head of a page, each."""
        chosen = random.Random(seed)
        page = 4096 * chosen.randrange(len(self.content) // 4096)
        place = chosen.randrange(len(self.content))
        if seed % 4 == 0:
            place = chosen.randrange(100)
        elif seed % 4 == 1:
            place = page + chosen.randrange(24)
        return 8 * place + chosen.randrange(8)


@pytest.fixture
def spoiling(sound: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoiling]:
    monkeypatch.setenv("FASHION_HOME", str(sound.root))
    spoiling = Spoiling(sound)
    yield spoiling
    spoiling.flip()


@pytest.mark.parametrize("words", COMMANDS)
def test_no_flipped_bit_ends_a_command_without_a_sentence(
    words: Sequence[str], spoiling: Spoiling, capsys: pytest.CaptureFixture[str]
) -> None:
    as_saved = [run_result(execution(number), None, None, None) for number in range(EXECUTIONS)]
    for seed in range(FLIPS):
        bit = spoiling.any_bit(seed)
        spoiling.flip(bit)
        status = main(words)
        out, err = capsys.readouterr()
        case = f"bit {bit} of seed {seed}: {status} {out} {err}"
        assert status in (0, 1, 2), case
        assert status == 0 or err.strip(), case
        # Whatever is shown is as it was; and without a word, all of it is.
        if words == ("executions", "--json") and out:
            shown = json.loads(out)
            assert [each for each in shown if each not in as_saved] == [], case
            assert status == 1 or len(shown) == EXECUTIONS, case
        if words == ("registry", "list", "--json") and out:
            versions = {each["version"] for each in json.loads(out)}
            assert versions <= set(range(1, PACKAGES + 1)), case
            assert status == 1 or len(versions) == PACKAGES, case


@pytest.mark.parametrize(
    ("words", "within", "named", "shown"),
    [
        (
            ("executions", "--json"),
            '"execution_id": "exec00000005"',
            "Execution exec00000005",
            EXECUTIONS - 1,
        ),
        (("registry", "list", "--json"), '"ModelPackageVersion": 2', f"{ARN}/{GROUP}/2", PACKAGES - 1),
    ],
)
def test_one_bad_record_is_named_and_the_others_are_shown(
    words: Sequence[str],
    within: str,
    named: str,
    shown: int,
    spoiling: Spoiling,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # A page may have an older copy of the record as well, which nobody reads.
    spoiling.flip(
        *(8 * (found.end() - 1) for found in re.finditer(re.escape(within.encode()), spoiling.content))
    )
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == shown
    assert f"{named} cannot be read from {spoiling.home.database}" in err
    assert "python -m pipeline rebuild" in err


def test_a_rebuilt_state_has_everything_again_whatever_bit_was_flipped(spoiling: Spoiling) -> None:
    before = state_of(spoiling.home)
    for seed in range(0, FLIPS, 10):
        for bit in (spoiling.any_bit(seed), spoiling.any_bit(seed + 1)):
            spoiling.flip(bit)
            assert rebuild(spoiling.home).faults == []
            assert state_of(spoiling.home) == before, f"bit {bit} of seed {seed}"


def test_the_way_to_mend_it_names_the_folder_that_the_user_named(
    sound: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "my state"
    shutil.copytree(sound.root, state)
    (state / "state.sqlite3").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "other"))
    with pytest.raises(StateError, match=f": FASHION_HOME='{state}' python -m pipeline rebuild"):
        Store(Home.open(state))  # As `local-sagemaker --state` does.
    monkeypatch.setenv("FASHION_HOME", str(state))
    assert main(["executions"]) == 1
    assert ": python -m pipeline rebuild" in capsys.readouterr().err
