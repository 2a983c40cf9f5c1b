"""The flags that say which steps run and how: what contradicts itself, and what there is to build on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.commands.choices import check_choices, find_source
from pipeline.cli.commands.compile_options import MAX_TRAININGS, graph_choices
from pipeline.cli.main import main
from pipeline.cli.parser import build_parser
from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

Make = Callable[..., Any]


def run(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(["run", *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "abc"), "--from abc goes with --only"),
        (("--parallel", "0"), "--parallel 0: at least one job"),
        (("--image", "Train=jobs:1"), "--image Train=jobs:1 goes with --launcher container"),
        (("--image", "jobs:1", "--launcher", "container"), "Could not read --image 'jobs:1'"),
        (("--again", "-1", "--target", "sagemaker"), "--again -1 is not a number"),
        (("--python", "python3", "--launcher", "container"), "name another image: --image STEP=IMAGE"),
        (("--stand-in", "Train=true", "--launcher", "container"), "name another image: --image STEP=IMAGE"),
        (("--python", "/no/such/python"), "Could not use --python /no/such/python"),
        (("--definition", "d.json", "--stand-in", "Train"), "Could not read --stand-in 'Train'"),
    ],
)
def test_choices_that_cannot_be_are_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_choices(run(*words))
    assert message in str(raised.value)


def test_choices_that_can_be_are_taken() -> None:
    for words in (
        [],
        ["--only", "Evaluate", "QualityGate", "--from", "abc"],
        ["--no-cache", "--parallel", "1"],
        ["--launcher", "container", "--only", "Evaluate", "--parallel", "2", "--image", "Train=jobs:1"],
        ["--target", "sagemaker", "--yes", "--max-cost", "5", "--again", "2", "--only", "Evaluate"],
    ):
        check_choices(run(*words))


@pytest.fixture
def home(tmp_path: Path, make_record: Make) -> Home:
    home = Home.open(tmp_path / "home")
    record: ExecutionRecord = make_record()
    with Store(home) as store:
        for number, name in enumerate(("fashion-mnist", "fashion-mnist", "other")):
            store.save_execution(replace(record, execution_id=f"{number}{name}", pipeline_name=name), "{}")
        store.save_execution(replace(record, execution_id="docker", target="docker"), "{}")
    return home


def test_all_steps_build_on_nothing(home: Home) -> None:
    assert find_source(run(), home, "fashion-mnist") is None


def test_the_latest_of_the_pipeline_is_built_on_unless_another_is_named(home: Home) -> None:
    with Store(home) as store:
        store.save_execution(replace(store.load_execution("docker"), execution_id="2", target="local"), "{}")
    source = find_source(run("--only", "Evaluate"), home, "fashion-mnist")
    assert source is not None
    assert source.execution_id == "2"
    source = find_source(run("--only", "Evaluate", "--from", "0"), home, "fashion-mnist")
    assert source is not None
    assert source.execution_id == "0fashion-mnist"


@pytest.mark.parametrize(
    ("execution_id", "message"),
    [("2other", "one of the pipeline other"), ("docker", "one of --target docker"), ("nosuch", "'nosuch'")],
)
def test_what_cannot_be_built_on_is_refused(home: Home, execution_id: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_source(run("--only", "Evaluate", "--from", execution_id), home, "fashion-mnist")
    assert message in str(raised.value)


def test_a_first_run_has_nothing_to_build_on(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Run the whole pipeline first"):
        find_source(run("--only", "Evaluate"), Home.open(tmp_path), "fashion-mnist")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stop",), "it is Succeeded, not running"),
        (("stop", "0fashion"), "it is Succeeded, not running"),
        (("resume", "0fashion"), "it succeeded"),
        (
            ("resume", "0fashion", "--result", "/nowhere/result.json"),
            "Could not take /nowhere/result.json for --result",
        ),
    ],
)
def test_there_must_be_something_to_stop_or_resume(
    home: Home,
    words: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FASHION_HOME", str(home.root))
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_more_trainings_than_the_evaluation_has_arguments_are_refused() -> None:
    four, five = "baseline,cnn-3x3,cnn-5x5,resnet", "baseline,cnn-3x3,cnn-5x5,cnn-5x5-params,resnet"
    assert len(graph_choices(run("--candidates", four, "--seeds", "20"))["seeds"]) == 20
    with pytest.raises(UsageError, match="the evaluation can compare 80"):
        graph_choices(run("--candidates", five, "--seeds", "20"))


def test_a_candidate_may_have_fewer_seeds_than_others() -> None:
    words = ("--seeds", "20", "--candidates", "baseline,cnn-3x3,cnn-5x5,cnn-5x5-params:15,cnn-5x5-flops:5")
    choices = graph_choices(run(*words))
    assert choices["candidates"] == ("baseline", "cnn-3x3", "cnn-5x5", "cnn-5x5-params", "cnn-5x5-flops")
    assert choices["fewer_seeds"] == (("cnn-5x5-params", 15), ("cnn-5x5-flops", 5))
    assert graph_choices(run("--seeds", "20"))["fewer_seeds"] == ()


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ("baseline:4", "asks for more seeds than the others get, which is 3. Say --seeds 4 or more"),
        ("baseline:0", "N is a whole number from 1 to 20"),
        ("baseline:60", "N is a whole number from 1 to 20"),
        ("baseline:03", "N is a whole number from 1 to 20"),
        ("baseline:" + "9" * 5000, "N is a whole number from 1 to 20"),
        (
            "baseline:2,,resnet",
            "--candidates baseline:2,,resnet: there is nothing before or after one of its commas",
        ),
        ("baseline,", "nothing before or after one of its commas"),
        ("baseline:", "N is a whole number"),
        ("baseline:two", "N is a whole number"),
        ("baseline:-1", "N is a whole number"),
        ("baseline:2,baseline", "baseline"),
        ("other:2", "other"),
    ],
    ids=lambda value: value[:30],
)
def test_a_number_of_seeds_that_a_candidate_cannot_have_is_refused(candidates: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        graph_choices(run("--seeds", "3", "--candidates", candidates))


def test_the_evaluation_has_arguments_for_as_many_trainings() -> None:
    """AWS takes a hundred: ContainerArguments of ProcessingAppSpecification."""
    definition = json.loads((Path(__file__).parents[1] / "definition.golden.json").read_text())
    (evaluate,) = (step for step in definition["Steps"] if step["Name"] == "Evaluate")
    words = evaluate["Arguments"]["AppSpecification"]["ContainerArguments"]
    trainings = [word for word in words if "--candidate" in json.dumps(word)]
    assert trainings
    assert len(words) - len(trainings) + MAX_TRAININGS <= 100
