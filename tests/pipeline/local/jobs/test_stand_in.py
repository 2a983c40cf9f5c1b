"""Stand-ins: which one a job gets, what is read from the command line, and what decides its result."""

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.interpreter import this_interpreter
from pipeline.local.jobs.stand_in import (
    StandIn,
    check_stand_ins,
    choose_stand_in,
    from_json,
    parse_stand_in,
    to_json,
    visible_paths,
)
from pipeline.spec.built_in import is_xgboost


def test_files_become_absolute_and_other_words_stay(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("")
    (tmp_path / "python3").write_text("")
    read = parse_stand_in("Train=python3 run.py --rate 0.1 'two words' /opt/ml/model", tmp_path)
    words = ("python3", str(tmp_path / "run.py"), "--rate", "0.1", "two words", "/opt/ml/model")
    assert read == StandIn("Train", words)
    assert read.files == (tmp_path / "run.py",)
    assert visible_paths([read]) == [tmp_path / "run.py", tmp_path]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Train", "write STEP=COMMAND"),
        ("=python3 x", "write STEP=COMMAND"),
        ("Train=", "write STEP=COMMAND"),
        ("Train=python3 'x", "No closing quotation in its command"),
        ("Train=python3 missing.py", "there is no file missing.py in "),
        ("Train=python3 /no/such.py", "there is no file /no/such.py in "),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_stand_in(text, tmp_path)


def test_a_program_that_jobs_would_not_find_is_named(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("fit", "plain"):
        (tmp_path / "bin" / name).write_text("")
    (tmp_path / "bin" / "fit").chmod(0o755)
    user = {"PATH": str(tmp_path / "bin")}

    def check(command: str) -> None:
        check_stand_ins([parse_stand_in(f"Train={command}", tmp_path)], this_interpreter(), user)

    for command in ("fit", "bin/fit --fast", "python3 -c pass", "pip3 list", "/opt/ml/model/start"):
        check(command)
    for command, fault in (
        ("fti", "the program fti is not on this machine"),
        ("./fti", r"the program \./fti is not on this machine"),
        ("bin/plain", f"the program {tmp_path}/bin/plain is not executable: chmod"),
    ):
        with pytest.raises(UsageError, match=f"Could not use --stand-in Train=…: {fault}"):
            check(command)


def test_a_programs_text_is_no_name_of_a_file(tmp_path: Path) -> None:
    text = "/".join(["import os; os.nice(0)"] * 400)
    read = parse_stand_in(f"Train=python3 -c '{text}'", tmp_path)
    assert (read.command[2], read.files) == (text, ())
    assert StandIn("Train", (f"/{text}",)).files == ()


def test_a_script_of_the_container_need_not_be_here(tmp_path: Path) -> None:
    words = parse_stand_in("Train=python3 /opt/ml/input/data/code/x.py", tmp_path).command
    assert words == ("python3", "/opt/ml/input/data/code/x.py")


@pytest.mark.parametrize(
    ("step", "image", "own", "chosen"),
    [
        ("Train", "1.dkr/other:1", False, "Train"),
        ("Train", "1.dkr/mine:1", True, "Train"),
        ("Fit", "1.dkr/mine:1", False, "*/mine:*"),
        # A script that runs in the image is not what the image stands for.
        ("Fit", "1.dkr/mine:1", True, None),
        ("Fit", "1.dkr/other:1", False, None),
    ],
)
def test_a_steps_name_wins_over_an_image(step: str, image: str, own: bool, chosen: str | None) -> None:
    both = [StandIn("*/mine:*", ("a",)), StandIn("Train", ("b",))]
    found = choose_stand_in(both, step, image, own_program=own)
    assert (found.of if found else None) == chosen


def test_what_its_files_hold_decides_its_result(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("1")
    stand_in = parse_stand_in("Train=python3 run.py", tmp_path)
    before = stand_in.identity()
    assert stand_in.identity() == before
    assert parse_stand_in("Train=python3 run.py --more", tmp_path).identity() != before
    (tmp_path / "run.py").write_text("2")
    assert stand_in.identity() != before


def test_an_execution_keeps_them() -> None:
    stand_ins = (StandIn("Train", ("a", "b c")), StandIn("*/mine", ("d",)))
    assert from_json(to_json(stand_ins)) == stand_ins


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", True),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest", True),
        ("registry:5000/sagemaker-xgboost@sha256:ab", True),
        ("1.dkr/my-xgboost:1", False),
        ("sagemaker-xgboost/other:1", False),
        ("", False),
    ],
)
def test_the_built_in_xgboost_is_known_by_its_repository(image: str, expected: bool) -> None:
    assert is_xgboost(image) is expected
