"""Flags under their earlier names."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.parser import build_parser


@pytest.mark.parametrize(
    ("command", "earlier", "now", "dest", "value"),
    [
        *(
            (command, "--endpoint-name", "--endpoint", "endpoint_name", "here")
            for command in ("deploy", "undeploy")
        ),
        *(
            (command, "--json", "--result", "result", Path("here"))
            for command in ("run", "study", "resume", "monitor")
        ),
    ],
)
def test_a_flag_is_taken_under_its_earlier_name_with_a_remark(
    command: str, earlier: str, now: str, dest: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert getattr(build_parser().parse_args([command, now, "here"]), dest) == value
    assert capsys.readouterr().err == ""
    assert getattr(build_parser().parse_args([command, earlier, "here"]), dest) == value
    assert f"{earlier} is {now} now" in capsys.readouterr().err
    assert getattr(build_parser().parse_args([command]), dest) is None
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    assert earlier not in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["executions", "show", "explain x y", "registry list", "predict x", "smoke"]
)
def test_json_is_printed_wherever_there_is_that_flag(command: str) -> None:
    assert build_parser().parse_args([*command.split(), "--json"]).json is True


@pytest.mark.parametrize(
    "words",
    [
        ["registry", "approve", "1", "--group", ""],
        ["predict", "x", "--group", " "],
        ["undeploy", "--endpoint", ""],
        ["undeploy", "--endpoint-name", ""],
        ["invoke", "x", "--endpoint", ""],
    ],
)
def test_an_empty_name_is_not_the_default(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(words)
    assert "it is empty; give a name, or leave the flag out" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["local-sagemaker --", "local-sagemaker --port 0 --", "debug ID STEP --"])
def test_two_dashes_without_a_command_are_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        build_parser().parse_args(words.split())
    assert raised.value.code == 2
    assert "no command follows --; name one, or leave -- out" in capsys.readouterr().err


def test_a_command_may_end_in_two_dashes() -> None:
    assert build_parser().parse_args(["local-sagemaker", "--", "ls", "--"]).program[:1] == ["ls"]
    assert build_parser().parse_args(["local-sagemaker"]).program == []
