"""Valid definitions with something odd in them: each is read and executed, or refused in a few short lines.

Nothing is run: what a job would leave behind is made up. Without `derandomize`, and with more examples, the same
test looks for more.
"""

from __future__ import annotations

import copy
import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli.result import run_result
from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.resume import execution_to_resume
from pipeline.local.engine.scheduler import execute
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.inputs import check_inputs
from pipeline.local.jobs.local_jobs import check_arguments
from pipeline.local.jobs.runner import JobCall, JobOutcome
from pipeline.local.state.cache import cache_attributes, key_document
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.definition import MISSING, Definition, Json, PropertyFile, Step
from pipeline.spec.definition_file import read_definition_file
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_text
from pipeline.spec.validation import read_checked, service_findings
from pipeline.view.executions import print_execution, print_executions
from pipeline.view.failure import print_failure
from tests.pipeline.local.engine.test_any_definition import Nobody
from tests.pipeline.local.engine.test_foreign_definitions import condition, processing, training

SPEC = Path(__file__).parents[2] / "spec"
MOST_LINES, LONGEST_LINE, LONGEST_MESSAGE = 40, 1200, 8000
VALUES = {"String": "x", "Integer": 3, "Float": 0.5, "Boolean": True}
REPORT = {"PropertyFileName": "Report", "OutputName": "train", "FilePath": "report.json"}
FOREIGN = {
    "Steps": [
        training(
            Environment={"A": {"Get": "Execution.TrainingJobName"}},
            CheckpointConfig={"S3Uri": "s3://a-bucket/checkpoints"},
            InputDataConfig=[
                {
                    "ChannelName": "train",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a-bucket/in"}},
                }
            ],
            Tags=[{"Key": "a", "Value": "b"}],
        ),
        {
            **processing(
                Environment={"A": {"Std:Join": {"On": "-", "Values": ["a", {"Get": "Parameters.Text"}]}}},
                ProcessingOutputConfig={
                    "Outputs": [
                        {
                            "OutputName": "train",
                            "S3Output": {"S3Uri": "s3://a-bucket/t", "LocalPath": "/opt/ml/processing/t"},
                        }
                    ]
                },
            ),
            "PropertyFiles": [REPORT],
            "CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"},
            "RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 0, "MaxAttempts": 1}],
        },
        condition(
            "C",
            processing("Q", Environment={"A": {"Get": "Steps.T.ModelArtifacts.S3ModelArtifacts"}}),
            entry={
                "Type": "Not",
                "Condition": {
                    "Type": "Equals",
                    "LeftValue": {
                        "Std:JsonGet": {
                            "PropertyFile": {"Get": "Steps.P.PropertyFiles.Report"},
                            "Path": "a.b[0]",
                        }
                    },
                    "RightValue": {"Get": "Parameters.Text"},
                },
            },
        ),
    ],
    "Parameters": [{"Name": "Text", "DefaultValue": "x"}],
}
VALID: list[Any] = [
    FOREIGN,
    *(json.loads((SPEC / name).read_text()) for name in ("compiled_definition.json", "compiled_models.json")),
]
DEEP = 0
for _ in range(190):
    DEEP = [DEEP]  # type: ignore[assignment]


def joins(depth: int) -> Any:
    """Std:Join in Std:Join."""
    value: Any = "x"
    for _ in range(depth):
        value = {"Std:Join": {"On": "", "Values": [value]}}
    return value


TEXTS = (
    "é", "a/b", "T", "P", "-", "s3://a-bucket/x", "P1D", "NaN", "1e999", "true", "a..b", "A=B", "'", "$", "\n", "=",
    "/", "..", "../x", "\u202e", "\x1b[31m", " ", "", "Parameters.Text", "Steps.T.ModelArtifacts", "Training",
    "Condition", "x" * 300, "x" * 70_000, "9" * 5000, "s3://", "s3://b", "[", "a[", "a['", "\0", "a\0b", "\ud800",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, 10**99, -(10**99), 0.5, -0.0, 1e308, -1e308, 5e-324, 1.0)
OTHERS: tuple[Any, ...] = (
    None, True, False, [], {}, [[]], [{}], {"": ""}, {"Get": ""}, {"Get": None}, {"Get": "Steps"},
    {"Get": "Steps.T"},
    {"Get": "Steps.T.ModelArtifacts.S3ModelArtifacts"}, {"Get": "Steps.C.Outcome"}, {"Get": "Parameters.Text"},
    {"Get": "Execution.PipelineName"}, {"Get": "Execution.TrainingJobName"}, {"Get": "Steps.T.HyperParameters"},
    {"Get": "Steps.P.ProcessingOutputConfig.Outputs"}, {"Std:Join": None}, {"Std:Join": {"Values": [None, [], {}]}},
    {"Std:Join": {"On": "x", "Values": ["a", 1, True, 0.5]}}, {"Std:JsonGet": {}}, {"Std:Nothing": 1},
    {"Std:JsonGet": {"S3Uri": {"Get": "Parameters.Text"}, "Path": "a"}},
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.P.PropertyFiles.Report"}, "Path": "a"}},
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.T"}, "Path": "$"}},
    {"Get": "Parameters.Text", "Std:Join": {}}, joins(60), joins(200), DEEP, list(range(3000)),
    {f"k{i}": i for i in range(3000)},
)  # fmt: skip
ODD = st.sampled_from([*TEXTS, *NUMBERS, *OTHERS])
# What the property files of the valid definitions have.
ANSWER = {"a": {"b": ["x"]}, "accuracy": 0.95, "score": 0.75, "kind": "large"}


def alike(value: Any) -> st.SearchStrategy[Any]:
    """Something odd that may pass for `value`: of its type, or an expression."""
    expressions = [each for each in OTHERS if isinstance(each, dict) and len(each) == 1]
    if isinstance(value, str):
        return st.sampled_from([*TEXTS, *expressions])
    if isinstance(value, int | float):
        return st.sampled_from([*NUMBERS, *expressions])
    return ODD


def containers(value: Any) -> Iterator[Any]:
    """Every object and array in `value` that has something in it."""
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def mutate(document: Any, draw: Callable[[Any], Any]) -> None:
    """Replaces, removes, repeats or renames one entry of `document`, anywhere."""
    # The last ones stand deepest, where most is let through; the first of a list is drawn most often.
    place = draw(st.sampled_from(list(containers(document))[::-1]))
    key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    match draw(st.sampled_from(("alike", "alike", "alike", "replace", "remove", "repeat", "rename", "add"))):
        case "alike":
            place[key] = copy.deepcopy(draw(alike(place[key])))
        case "replace":
            place[key] = copy.deepcopy(draw(ODD))
        case "remove":
            del place[key]
        case "repeat" if isinstance(place, list):
            place.insert(key, copy.deepcopy(place[key]))
        case "rename" if isinstance(place, dict):
            place[draw(st.sampled_from(TEXTS))] = place.pop(key)
        case _:
            new = copy.deepcopy(draw(ODD))
            if isinstance(place, list):
                place.append(new)
            else:
                place[draw(st.sampled_from(TEXTS))] = new


@st.composite
def odd_texts(draw: st.DrawFn) -> str:
    """The text of a definition with something odd in it."""
    document = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        if list(containers(document)):
            mutate(document, draw)
    text = json.dumps(document)
    match draw(st.sampled_from(["as it is"] * 20 + ["twice", "cut", "described", "numbers", "key twice"])):
        case "twice":
            return json.dumps(text)
        case "cut":
            return text[: draw(st.integers(0, len(text)))]
        case "described":
            return json.dumps({"PipelineName": draw(st.sampled_from(TEXTS)), "PipelineDefinition": text})
        case "numbers":
            return text.replace("1", draw(st.sampled_from(["1e999", "NaN", "-Infinity", "01", "1" * 5000])))
        case "key twice":
            return text.replace("{", '{"Name": "x", "Name": "y", ', 1)
    return text


class MadeUpJobs:
    """A JobRunner whose jobs do nothing and leave behind what they were asked; `answer` is in every file."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __call__(self, call: JobCall) -> JobOutcome:
        step, arguments = call.step, call.arguments
        check_arguments(step, arguments)
        if cache_attributes(step.type) is not None:
            key_document("pipeline", step, arguments)
        Container(Path("/container")).localize(dict(arguments))
        json.dumps(arguments).encode()
        for name, value in (arguments.get("Environment") or {}).items():
            assert "=" not in name
            assert "\0" not in f"{name}{value}"
        call.log(call.name)
        return JobOutcome({**arguments, "ModelArtifacts": {"S3ModelArtifacts": self.answer}})

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        return self.answer

    def read_document(self, uri: str) -> Json:
        return self.answer


def given_for(definition: Definition) -> dict[str, Any]:
    """Values for the parameters that have no default."""
    return {each.name: VALUES[each.type] for each in definition.parameters if each.default is MISSING}


def live(text: str, answer: Any, folder: Path, store: Store) -> ExecutionRecord:
    """All that `run --definition` does with a definition but its jobs, and what is done with the record later."""
    file = folder / "definition.json"
    file.write_text(text, encoding="utf-8")
    found = read_definition_file(file)
    definition, findings = read_checked(parse_text(found.text), found.text)
    parameters = resolve_parameters(definition, given_for(definition))
    for problem in service_findings(definition, findings, parameters):
        assert len(str(problem)) <= LONGEST_LINE
    check_inputs(definition, parameters, lambda uri: True)
    execution_id = uuid.uuid4().hex[:12]
    record = execute(
        definition,
        parameters,
        run_job=MadeUpJobs(answer),
        execution={"PipelineName": "odd", "PipelineExecutionId": execution_id},
        record=ExecutionRecord(
            execution_id=execution_id,
            pipeline_name=found.pipeline_name or "odd",
            target="local",
            status="Executing",
            parameters=parameters,
            started_at=0.0,
            steps=tuple(StepRecord(step.name, step.type) for step in definition.steps),
        ),
        save=lambda changed: None,
        observer=Nobody(),
        stop=threading.Event(),
    )
    store.save_execution(record, definition.text)
    saved = store.load_execution(record.execution_id)
    if saved.status != "Succeeded":
        execution_to_resume(store, saved.execution_id)
    show(saved)
    return record


def show(record: ExecutionRecord) -> None:
    """Prints the record in every form to a terminal that knows ASCII alone."""
    paper = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    print(json.dumps(run_result(record, None, None, None)), file=paper)
    print_executions([record], paper)
    print_execution(record, None, None, None, paper)
    print_failure(record, {step.name: ["line"] for step in record.steps}, paper, resumable=True)
    paper.flush()


def check_message(message: str) -> None:
    """A message fits on a screen."""
    lines = message.splitlines()
    assert len(lines) <= MOST_LINES, message[:2000]
    assert max(map(len, lines)) <= LONGEST_LINE, message[:2000]
    assert len(message) <= LONGEST_MESSAGE, message[:2000]
    assert "Traceback" not in message


def attempt(text: str, answer: Any, folder: Path, store: Store) -> None:
    """Has `text` read and executed, or refused in a few lines."""
    try:
        record = live(text, answer, folder, store)
    except FashionError as error:
        check_message(str(error))
        return
    for step in record.steps:
        if step.failure_reason is not None and step.type != "Fail":
            check_message(step.failure_reason)


@pytest.mark.parametrize("document", VALID, ids=["foreign", "compiled", "models"])
def test_the_definitions_that_are_made_odd_run_as_they_are(document: Any, tmp_path: Path) -> None:
    with Store(Home.open(tmp_path / "home")) as store:
        record = live(json.dumps(document), {"a": {"b": [1]}, "accuracy": 1}, tmp_path, store)
    assert {step.status for step in record.steps} & {"Succeeded"}


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=odd_texts(), answer=st.just(ANSWER) | ODD)
def test_whatever_is_odd_in_a_definition_it_is_executed_or_refused_in_short(
    text: str, answer: Any, tmp_path: Path
) -> None:
    with Store(Home.open(tmp_path / "home")) as store:
        attempt(text, answer, tmp_path, store)
