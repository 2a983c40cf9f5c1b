"""Flags under their earlier names."""

from __future__ import annotations

import pytest

from pipeline.cli.parser import build_parser


@pytest.mark.parametrize("command", ["deploy", "undeploy"])
def test_a_flag_is_taken_under_its_earlier_name_with_a_remark(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_parser().parse_args([command, "--endpoint", "here"]).endpoint_name == "here"
    assert capsys.readouterr().err == ""
    assert build_parser().parse_args([command, "--endpoint-name", "here"]).endpoint_name == "here"
    assert "--endpoint-name is --endpoint now" in capsys.readouterr().err
    assert build_parser().parse_args([command]).endpoint_name is None
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    assert "--endpoint-name" not in capsys.readouterr().out
