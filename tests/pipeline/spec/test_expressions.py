from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import StepFailed
from pipeline.spec.expressions import resolve, steps_referenced, with_parameters


@dataclass(frozen=True)
class Known:
    """A scope of given values."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    execution: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    experiment: Mapping[str, Any] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)

    def properties(self, step: str) -> Mapping[str, Any]:
        return self.steps[step]  # type: ignore[no-any-return]

    def property_file(self, step: str, name: str) -> Any:
        return self.files[step, name]

    def document(self, uri: str) -> Any:
        return self.documents[uri]


SCOPE = Known(
    parameters={"Epochs": 3, "LearningRate": 0.003, "Flag": True, "Bucket": "b"},
    execution={"PipelineExecutionId": "abc123", "PipelineName": "fashion"},
    steps={
        "Normalize": {
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": "logs", "S3Output": {"S3Uri": "s3://b/logs"}},
                    {"OutputName": "processed", "S3Output": {"S3Uri": "s3://b/processed"}},
                ]
            }
        },
        "Train": {
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
            "FinalMetricDataList": [{"MetricName": "val:acc", "Value": 0.91}],
            "HyperParameters": {"a.b": "x"},
        },
    },
    files={
        ("Evaluate", "Report"): {
            "gate": {"verdict": "passed", "none": None},
            "a.b": [{"c": 1.5}],
            "rows": [[1, 2], [3, 4]],
        }
    },
    experiment={
        "ExperimentName": "vision",
        "TrialName": {"Std:Join": {"On": "-", "Values": ["run", {"Get": "Execution.PipelineExecutionId"}]}},
    },
    documents={"s3://b/processed/scores.json": {"score": 0.5, "none": None}},
)


def json_get(path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": path}}


SCORES = {
    "Std:Join": {
        "On": "/",
        "Values": [
            {"Get": "Steps.Normalize.ProcessingOutputConfig.Outputs['processed'].S3Output.S3Uri"},
            "scores.json",
        ],
    }
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Get": "Parameters.Epochs"}, 3),
        ({"Get": "Parameters.Flag"}, True),
        ({"Get": "Execution.PipelineExecutionId"}, "abc123"),
        ({"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}, "s3://b/model.tar.gz"),
        ({"Get": "Steps.Normalize.ProcessingOutputConfig.Outputs['processed'].S3Output.S3Uri"}, "s3://b/processed"),
        ({"Get": 'Steps.Normalize.ProcessingOutputConfig.Outputs["logs"].S3Output.S3Uri'}, "s3://b/logs"),
        ({"Get": "Steps.Normalize.ProcessingOutputConfig.Outputs[1].OutputName"}, "processed"),
        ({"Get": "Steps.Train.FinalMetricDataList['val:acc'].Value"}, 0.91),
        ({"Get": "Steps.Train.HyperParameters['a.b']"}, "x"),
        (json_get("gate.verdict"), "passed"),
        (json_get("$.gate.verdict"), "passed"),
        (json_get("gate['verdict']"), "passed"),
        (json_get("['a.b'][0].c"), 1.5),
        (json_get("rows[1][0]"), 3),
        (json_get("rows[0]"), [1, 2]),
        ({"Get": "PipelineExperimentConfig.ExperimentName"}, "vision"),
        ({"Get": "PipelineExperimentConfig.TrialName"}, "run-abc123"),
        ({"Std:JsonGet": {"S3Uri": "s3://b/processed/scores.json", "Path": "score"}}, 0.5),
        ({"Std:JsonGet": {"S3Uri": SCORES, "Path": "$.score"}}, 0.5),
    ],
)  # fmt: skip
def test_an_expression_is_replaced_by_its_value(expression: Any, expected: Any) -> None:
    assert resolve(expression, SCOPE) == expected


def test_join_writes_numbers_and_booleans_as_json_does() -> None:
    # The SDK reads a joined boolean back as == "true" (remote_function/core/pipeline_variables.py).
    values = [
        "s3:/", {"Get": "Parameters.Bucket"}, {"Get": "Parameters.Epochs"}, {"Get": "Parameters.LearningRate"},
        {"Get": "Parameters.Flag"}, json_get("gate.verdict"), 1, 2.5, False,
        {"Std:Join": {"On": "-", "Values": ["x", {"Get": "Execution.PipelineName"}]}},
    ]  # fmt: skip
    expected = "s3://b/3/0.003/true/passed/1/2.5/false/x-fashion"
    assert resolve({"Std:Join": {"On": "/", "Values": values}}, SCOPE) == expected


def test_a_join_without_separator_is_how_the_sdk_makes_a_string() -> None:
    assert resolve({"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}}, SCOPE) == "3"
    assert resolve({"Std:Join": {"Values": ["a", "b"]}}, SCOPE) == "ab"


def test_expressions_are_found_at_any_depth_and_the_original_is_left_alone() -> None:
    request = {"A": [{"B": {"Get": "Parameters.Epochs"}}, 1], "Get": "kept", "C": {"Get": "Parameters.Flag"}}
    assert resolve(request, SCOPE) == {"A": [{"B": 3}, 1], "Get": "kept", "C": True}
    assert request["C"] == {"Get": "Parameters.Flag"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Get": "Steps.Train.ModelArtifacts.S3ModelArtefacts"},
            "there is no 'S3ModelArtefacts' at ('ModelArtifacts',), but an object with S3ModelArtifacts. "
            "Did you mean 'S3ModelArtifacts'?"),
        ({"Get": "Steps.Train.ModelArtefacts"}, "there is no 'ModelArtefacts' at the top"),
        ({"Get": "Steps.Train.FinalMetricDataList['val:f1'].Value"}, "an object with val:acc"),
        ({"Get": "Steps.Normalize.ProcessingOutputConfig.Outputs[7]"}, "but a list of 2"),
        ({"Get": "Parameters.Epoch"}, "there is no parameter 'Epoch', only Bucket, Epochs, Flag, LearningRate"),
        ({"Get": "Execution.StartDateTime"}, "there is no execution variable 'StartDateTime'"),
        (json_get("gate.verdict.x"), "there is no 'x' at ('gate', 'verdict'), but 'passed'"),
        (json_get("gate[0]"), "there is no 0 at ('gate',), but an object with none, verdict"),
        (json_get("rows['processed']"), "there is no 'processed' at ('rows',), but a list of 2"),
        ({"Std:JsonGet": {"S3Uri": SCORES, "Path": "none"}}, "s3://b/processed/scores.json has null there"),
        ({"Std:JsonGet": {"S3Uri": {"Get": "Parameters.Bucket"}, "Path": "a"}},
            "S3Uri must be s3://bucket/key, not 'b'"),
        (json_get("gate.none"), "property file 'Report' of step Evaluate has null there"),
        ({"Std:Join": {"On": "", "Values": [json_get("gate")]}}, "Std:Join joins strings, numbers and booleans"),
    ],
)  # fmt: skip
def test_what_is_not_there_fails_the_step_and_is_named(expression: Any, expected: str) -> None:
    with pytest.raises(StepFailed) as caught:
        resolve({"X": [expression]}, SCOPE)
    assert str(caught.value).startswith("Resolving {")
    assert expected in str(caught.value)


def test_a_nan_in_a_join_is_refused() -> None:
    with pytest.raises(StepFailed, match="not nan"):
        resolve({"Std:Join": {"Values": [{"Get": "Parameters.X"}]}}, Known({"X": float("nan")}))


def test_the_steps_that_a_value_reads_are_found() -> None:
    value = {
        "A": [{"Get": "Steps.Train.X"}, {"Get": "Parameters.Steps"}, "Steps.No.X"],
        "B": {"Std:Join": {"On": "", "Values": [{"Get": "Steps.Normalize.Y"}, json_get("a")]}},
    }
    assert steps_referenced(value) == {"Train", "Normalize", "Evaluate"}
    assert steps_referenced({"Std:JsonGet": {"S3Uri": SCORES, "Path": "a"}}) == {"Normalize"}
    assert steps_referenced({"Get": "PipelineExperimentConfig.TrialName"}) == frozenset()


def test_parameters_alone_can_be_filled_in() -> None:
    value = {
        "A": {"Get": "Parameters.Epochs"},
        "B": [{"Get": "Steps.Train.X"}, {"Get": "Execution.PipelineName"}],
    }
    assert with_parameters(value, {"Epochs": 3}) == {**value, "A": 3}


# A reference written another way: templates are drawn together with what they evaluate to.
TEXT = st.text(max_size=4)
SCALARS = st.booleans() | st.integers() | TEXT


def written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def parameter(value: Any) -> tuple[Any, Any, dict[str, Any]]:
    name = repr(value).encode().hex()
    return {"Get": f"Parameters.{name}"}, value, {name: value}


def join(on: str, parts: list[tuple[Any, Any, dict[str, Any]]]) -> tuple[Any, Any, dict[str, Any]]:
    templates, values, names = zip(*parts, strict=True) if parts else ((), (), ())
    expected = on.join(written(value) for value in values)
    return (
        {"Std:Join": {"On": on, "Values": list(templates)}},
        expected,
        {k: v for n in names for k, v in n.items()},
    )


def listing(parts: list[tuple[Any, Any, dict[str, Any]]]) -> tuple[Any, Any, dict[str, Any]]:
    return [p[0] for p in parts], [p[1] for p in parts], {k: v for p in parts for k, v in p[2].items()}


TEXTS: st.SearchStrategy[tuple[Any, Any, dict[str, Any]]] = st.recursive(
    SCALARS.map(lambda value: (value, value, {})) | SCALARS.map(parameter),
    lambda inner: st.builds(join, TEXT, st.lists(inner, max_size=4)),
    max_leaves=8,
)
TEMPLATES = st.recursive(
    TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4).map(listing)
        | inner.map(lambda part: ({"A": part[0], "B": 1}, {"A": part[1], "B": 1}, part[2]))
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(TEMPLATES)
def test_any_template_resolves_to_what_it_was_drawn_with(drawn: tuple[Any, Any, dict[str, Any]]) -> None:
    template, expected, parameters = drawn
    assert resolve(template, Known(parameters)) == expected
