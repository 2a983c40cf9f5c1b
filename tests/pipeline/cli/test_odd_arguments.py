"""Whatever stands on the command line: exit status 0, 1 or 2, one message, and never a traceback.

The arguments are made from the parser's own commands and flags. What would start something gets an argument that is
refused; what takes seconds for each call is left to the other tests.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import infra.cli
from pipeline.cli import main as cli
from pipeline.cli.parser import build_parser

SLOW = {"image"}  # It builds one.
REFUSED = {"run": [["--seeds", "0"], ["--seeds", "21"], ["--data", "/nope"], ["--data", "n" * 300]]}
REFUSED["study"] = REFUSED["run"]
REFUSED["definition"] = [["--seeds", "0"], ["--seeds", "21"]]
# They serve until they are stopped.
REFUSED |= {name: [["--port", "99999"], ["--port", "-1"]] for name in ("mlflow", "local-sagemaker", "serve")}
# Without credentials; the local one would start the local AWS.
REFUSED["registry"] = [["--target", "sagemaker"]]
ODD = st.sampled_from([
    "", "x", "-", "--", "-1", "0", "1", "1e400", "nan", "-inf", "9" * 30, "a" * 300, "a" * 5000, "true",
    "\udcff", "\ud800", "é×", "a\0b", "\n", "\x1b[2J", "%s%n{}", "../..", "/", "/dev/null", "/dev/full",
    "/proc/self/mem", "s3://", "s3://b/k", "http://[", "http://a:b@c:99999", "A=", "=", "=B", "Epochs=1=2",
    "Epochs=nan", "MinAccuracy=1e999", "Epochs=" + "9" * 5000, "baseline", "cnn-3x3,cnn-3x3", ",,", "t#9-1",
    "x" * 255 + "/y", "ModelPackageGroupName=\udcff", "a" * 300 + "/" + "b" * 300,
])  # fmt: skip
COMMANDS = next(
    action.choices for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)
)


@st.composite
def words_of_a_command(draw: st.DrawFn) -> list[str]:
    """A command with some of its flags and all of its arguments, most of them odd."""
    name = draw(st.sampled_from(sorted(set(COMMANDS) - SLOW)))
    words = [name]
    for action in COMMANDS[name]._actions:
        value = ODD if action.choices is None else st.one_of(st.sampled_from(list(action.choices)), ODD)
        if isinstance(action, argparse._HelpAction) or (
            (action.option_strings or action.nargs == "?") and not draw(st.booleans())
        ):
            continue
        if not action.option_strings:
            words.append(draw(value))
        elif action.nargs == 0:
            words.append(action.option_strings[0])
        else:
            words.append(f"{action.option_strings[0]}={draw(value)}")
    return words + (draw(st.sampled_from(REFUSED[name])) if name in REFUSED else [])


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(words=words_of_a_command())
def test_no_arguments_end_in_a_traceback(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as surroundings:
        surroundings.chdir(tmp_path)
        surroundings.setenv("FASHION_HOME", str(tmp_path / "home"))
        surroundings.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            surroundings.setenv(name, "/dev/null")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "FASHION_DATA"):
            surroundings.delenv(name, raising=False)
        status: object
        try:
            status = cli.main(words)
        except SystemExit as end:  # of argparse
            status = end.code
    said = capsys.readouterr().err
    # As a shell says it of a program that it cannot start.
    not_started = (126, 127) if words[:1] == ["local-sagemaker"] else ()
    assert status in (0, 1, 2, *not_started)
    assert "Traceback" not in said
    assert (status == 0) or "error: " in said


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (cli.main, ["predict", "x", "--top=--"]),
        (cli.main, ["serve", "--port=--"]),
        (cli.main, ["run", "--param=Epochs=1", "--param=--"]),
        (cli.main, ["deploy", "--endpoint=--"]),
        (infra.cli.main, ["status", "--stack=--"]),
    ],
)
def test_two_dashes_are_no_value_of_a_flag(
    main: Callable[[list[str]], int], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert (
        f"argument {words[-1].partition('=')[0]}: expected one argument (got --)" in capsys.readouterr().err
    )


def test_flags_may_be_left_out_and_repeated() -> None:
    assert build_parser().parse_args(["run"]).param == []
    assert build_parser().parse_args(["run", "--param=A=1", "--param=B=2"]).param == ["A=1", "B=2"]
