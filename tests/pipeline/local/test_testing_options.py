"""What other projects' tests may say of how a definition runs, and what is refused of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.functions.handler import Handler
from pipeline.local.jobs.launchers.containers.images import ImageChoice
from pipeline.local.testing import run_definition
from pipeline.local.testing_options import engine_options

CALL = {
    "Version": "2020-12-01",
    "Steps": [
        {
            "Name": "Deploy",
            "Type": "Lambda",
            "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:deploy",
            "Arguments": {"n": 2},
            "OutputParameters": [{"OutputName": "n", "OutputType": "Integer"}],
        }
    ],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a file of one handler."""
    (tmp_path / "handlers.py").write_text("def deploy(event, context):\n    return {'n': event['n'] * 2}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_handler_is_named_by_a_mapping(folder: Path) -> None:
    result = run_definition(
        json.dumps(CALL), state=str(folder / "state"), handlers={"Deploy": "handlers.py:deploy"}
    )
    assert result.check().properties("Deploy")["OutputParameters"] == {"n": 4}


def test_mappings_are_read_as_the_commands_options(folder: Path) -> None:
    options = engine_options(
        {
            "handlers": {"Deploy": "handlers.py:deploy"},
            "stand_ins": {"Train": f"{sys.executable} handlers.py"},
            "images": {"*/mine:*": "mine:1"},
            "python": sys.executable,
            "use_cache": False,
        },
        containers=True,
    )
    assert options["handlers"] == [Handler("Deploy", folder / "handlers.py", "deploy")]
    assert [stand_in.of for stand_in in options["stand_ins"]] == ["Train"]
    assert options["images"] == [ImageChoice("*/mine:*", "mine:1")]
    assert options["python"].executable == Path(sys.executable)
    assert options["use_cache"] is False


def test_what_the_engine_takes_stays_as_it_is(folder: Path) -> None:
    given = {"handlers": [Handler("Deploy", folder / "handlers.py", "deploy")], "max_parallel": 2}
    assert engine_options(given, containers=False) == given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"launcher": "sandbx"}, "There is no launcher 'sandbx'. Did you mean 'sandbox'?"),
        ({"launcher": "container"}, "Jobs run in containers with containers=True"),
        ({"max_parallel": 0}, "max_parallel is 0: give a whole number of at least 1."),
        ({"max_parallel": "2"}, "max_parallel is '2': "),
        ({"max_parallel": True}, "max_parallel is True: "),
        ({"only": ["Deploy"]}, "give its record, source=result.record."),
        ({"only": "Deploy"}, "only is 'Deploy': give a list of steps."),
        ({"handlers": {"Deploy": "handlers.py"}}, "Could not read --handler 'Deploy=handlers.py'"),
        ({"handlers": {"Deploy": "handlers.py:deplay"}}, "Did you mean 'deploy'?"),
        ({"stand_ins": {"Train": ""}}, "Could not read --stand-in 'Train='"),
        ({"python": "/no/python"}, "Could not use --python /no/python"),
    ],
)
def test_what_nothing_can_be_done_with_is_refused(
    folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        engine_options(options, containers=False)
    assert message in str(caught.value)
