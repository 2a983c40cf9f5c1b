"""Tuning steps as definitions have them: what is refused before anything runs, and what is read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition
from pipeline.spec.service_model import request_shape
from pipeline.spec.shapes import mismatches
from pipeline.spec.tuning import (
    Range,
    read_search,
    trial_request,
)
from tests.pipeline.local.engine.tuning.searches import (
    CATEGORICAL,
    CONTINUOUS,
    arguments,
    definition_of_trials,
)

CONFIG = "HyperParameterTuningJobConfig"


def document(request: Any, *more: dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> str:
    step = {"Name": "Tune", "Type": "Tuning", "Arguments": request}
    return json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": [step, *more]})


def refusal(request: Any, *more: dict[str, Any]) -> str:
    with pytest.raises(DefinitionError) as refused:
        parse_definition(document(request, *more))
    return str(refused.value)


def changed(change: Callable[[dict[str, Any]], object], **request: Any) -> dict[str, Any]:
    """The arguments after `change` of their configuration."""
    made = copy.deepcopy(arguments(**request))
    change(made[CONFIG])
    return made


def ranges(**more: Any) -> dict[str, Any]:
    return arguments(ranges=more)


def limited(**more: Any) -> dict[str, Any]:
    return changed(lambda config: config["ResourceLimits"].update(more))


def continuous(low: Any, high: Any, scaling: str = "Linear") -> dict[str, Any]:
    entry = {"Name": "rate", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return ranges(ContinuousParameterRanges=[entry])


def integer(low: Any, high: Any, scaling: str = "Linear") -> dict[str, Any]:
    entry = {"Name": "depth", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return ranges(IntegerParameterRanges=[entry])


def static(**more: Any) -> dict[str, Any]:
    return arguments(definition=definition_of_trials(StaticHyperParameters=more))


def metrics(*entries: Any, image: Any = "an-image") -> dict[str, Any]:
    specification = {
        "TrainingImage": image,
        "TrainingInputMode": "File",
        "MetricDefinitions": list(entries),
    }
    return arguments(definition=definition_of_trials(AlgorithmSpecification=specification))


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (
            limited(MaxNumberOfTrainingJobs=0),
            "ResourceLimits.MaxNumberOfTrainingJobs: the local engine supports only 1 to 750, not 0",
        ),
        (limited(MaxNumberOfTrainingJobs=751), "the local engine supports only 1 to 750, not 751"),
        (limited(MaxNumberOfTrainingJobs=True), "the local engine supports only 1 to 750, not True"),
        (limited(MaxParallelTrainingJobs=0), "the local engine supports only 1 to 100, not 0"),
        (limited(MaxRuntimeInSeconds=60), "must be at least 120, not 60"),
        (
            changed(lambda config: config["ResourceLimits"].pop("MaxNumberOfTrainingJobs")),
            "MaxNumberOfTrainingJobs: missing: give a whole number from 1 up.",
        ),
        (changed(lambda config: config.pop("ResourceLimits")), "ResourceLimits: missing."),
        (changed(lambda config: config.pop("ParameterRanges")), "there is nothing to tune: give at least one"),
        (ranges(CategoricalParameterRanges=[]), "there is nothing to tune: give at least one range."),
        (
            ranges(CategoricalParameterRanges=[{"Name": "size", "Values": []}]),
            "CategoricalParameterRanges[0].Values: the range is empty: list at least one value.",
        ),
        (
            ranges(CategoricalParameterRanges=[{"Name": "size", "Values": ["1", "2", "1"]}]),
            "these values are listed twice: 1",
        ),
        (ranges(CategoricalParameterRanges={}), "there is nothing to tune"),
        (
            arguments(strategy="Grid", ranges={"CategoricalParameterRanges": 3}),
            "CategoricalParameterRanges: must be a list, not 3",
        ),
        (ranges(CategoricalParameterRanges="x"), "CategoricalParameterRanges: must be a list, not 'x'"),
        (
            continuous("2", "1"),
            "ContinuousParameterRanges[0].MinValue: the range is empty: 2 is above MaxValue=1.",
        ),
        (continuous(0.1, "1"), "MinValue: must be a number, written as a string, not 0.1"),
        (continuous("nan", "1"), "MinValue: must be a number, written as a string, not 'nan'"),
        (continuous("0", "1", "Logarithmic"), "a logarithmic range must begin above 0, not at '0'"),
        (continuous("-1", "1", "Logarithmic"), "a logarithmic range must begin above 0, not at '-1'"),
        (integer("0", "9", "Logarithmic"), "a logarithmic range must begin above 0, not at '0'"),
        (integer("1.5", "9"), "MinValue: must be a whole number, written as a string, not '1.5'"),
        (
            continuous("0.1", "1", "ReverseLogarithmic"),
            "a reverse logarithmic range must lie from 0 to below 1, not from 0.1 to 1",
        ),
        (integer("0", "9", "ReverseLogarithmic"), "only a range of continuous values can be reverse logarithmic."),
        (continuous("0.1", "1", "Log"), "only 'Auto', 'Linear', 'Logarithmic' and 'ReverseLogarithmic', not 'Log'"),
        (
            arguments(strategy="Grid", trials=None),
            "ContinuousParameterRanges[0]: the strategy Grid accepts only categorical ranges",
        ),
        (
            arguments(strategy="Grid", trials=2, ranges={"CategoricalParameterRanges": [CATEGORICAL]}),
            "the grid has 3 combinations, not 2: ask for that many trials, or leave the number out",
        ),
        (
            arguments(
                strategy="Grid",
                trials=None,
                ranges={
                    "CategoricalParameterRanges": [
                        {"Name": name, "Values": list(map(str, range(30)))} for name in "ab"
                    ]
                },
            ),
            "the grid has 900 combinations, more than the 750 trials allowed.",
        ),
        (
            static(epochs="9", rate="0.1"),
            "ContinuousParameterRanges[0].Name: 'rate' is both tuned and in StaticHyperParameters",
        ),
        (
            ranges(
                ContinuousParameterRanges=[CONTINUOUS],
                CategoricalParameterRanges=[{**CATEGORICAL, "Name": "rate"}],
            ),
            "'rate' is tuned twice: keep one of its ranges.",
        ),
        (
            metrics({"Name": "acuracy", "Regex": "x=(.*)"}),
            "no regular expression finds 'accuracy' in the log: MetricDefinitions has acuracy.",
        ),
        (metrics(), "MetricDefinitions has none."),
        (metrics({"Name": "accuracy", "Regex": "("}), "the Regex of 'accuracy', '(', is not valid: missing )"),
        (metrics({"Name": "accuracy", "Regex": "a=[0-9]+"}), "has no group, so it finds no value"),
        (arguments(strategy="Bayes"), "Strategy: the local engine supports only 'Bayesian', 'Random', 'Grid' and"),
        (arguments(objective="Best"), "Type: the local engine supports only 'Maximize' and 'Minimize', not "),
        (
            arguments(strategy="Hyperband", TrainingJobEarlyStoppingType="Auto"),
            "Hyperband stops trials by its own rule: leave TrainingJobEarlyStoppingType at Off.",
        ),
        (
            arguments(strategy="Hyperband", definition=definition_of_trials(StaticHyperParameters={})),
            "MaxResource: missing, and the StaticHyperParameters of TrainingJobDefinition have none of epochs, "
            "numepochs, n-epochs, n_epochs, num_epochs to take its place",
        ),
        (
            arguments(strategy="Hyperband", StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 10}}),
            "MinResource: the range is empty: 10 is above MaxResource=9.",
        ),
        (
            {**arguments(), "WarmStartConfig": {"WarmStartType": "TransferLearning"}},
            "WarmStartConfig: the local engine does not support this.",
        ),
        ({**arguments(), "Autotune": {"Mode": "Enabled"}}, "Autotune: the local engine does not support this."),
        (
            {**arguments(), "TrainingJobDefinitions": [definition_of_trials()]},
            "give either TrainingJobDefinition or a list TrainingJobDefinitions with at least one.",
        ),
        ({CONFIG: arguments()[CONFIG]}, "give either TrainingJobDefinition or a list"),
        ({"TrainingJobDefinition": definition_of_trials()}, f"{CONFIG}: missing."),
        (
            arguments(definition=definition_of_trials(ResourceConfig={"InstanceCount": 1})),
            "ResourceConfig: missing: give an object with an InstanceType, or a Hyper",
        ),
        (
            arguments(definition=definition_of_trials(OutputDataConfig={"S3OutputPath": "models"})),
            "OutputDataConfig.S3OutputPath: must be s3://bucket/key, not 'models'",
        ),
        ({**arguments(), "TrainingJobDefinitoin": {}}, "Did you mean 'TrainingJobDefinition'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused_before_anything_runs(request_: Any, problem: str) -> None:
    assert problem in refusal(request_)


def test_definitions_with_other_objectives_are_refused() -> None:
    def own(metric: str) -> dict[str, Any]:
        return definition_of_trials(
            DefinitionName=metric, TuningObjective={"Type": "Maximize", "MetricName": metric}
        )

    request = {CONFIG: arguments()[CONFIG], "TrainingJobDefinitions": [own("accuracy"), own("loss")]}
    assert "the local engine compares all trials by one objective" in refusal(request)


def test_a_step_that_is_called_as_a_trial_is_refused() -> None:
    other = {"Name": "Tune-002", "Type": "Fail", "Arguments": {}}
    assert "its trials are named Tune-001 and so on, and so is another step: Tune-002" in refusal(
        arguments(), other
    )


def test_a_tuning_step_in_a_loop_is_refused() -> None:
    body = {"Name": "Tune", "Type": "Tuning", "Arguments": arguments()}
    each = {"IterableItems": ["a"], "MaxConcurrency": 1, "ForEachBody": [body]}
    step = {"Name": "Each", "Type": "ForEach", "Arguments": each}
    with pytest.raises(
        DefinitionError, match="steps of the types Condition, Fail, ForEach, Tuning are not allowed in a body"
    ):
        parse_definition(json.dumps({"Version": "2020-12-01", "Steps": [step]}))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("TrainingJobSummaries[1].TrainingJobName", None),
        ("BestTrainingJob.TunedHyperParameters['rate']", None),
        ("HyperParameterTuningJobArn", None),
        ("TrainingJobStatusCounters.Completed", None),
        (
            "BestTrainingJobs.TrainingJobName",
            "Tune has no property BestTrainingJobs in BestTrainingJobs.TrainingJobName",
        ),
        ("TrainingJobSummaries[0].Name", "Tune has no property"),
    ],
)
def test_properties_are_those_of_both_responses(path: str, problem: str | None) -> None:
    reader = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": f"Steps.Tune.{path}"}}}
    if problem is None:
        assert parse_definition(document(arguments(), reader)).step("Tune").type == "Tuning"
    else:
        assert problem in refusal(arguments(), reader)


def test_values_of_parameters_are_checked_once_they_are_known() -> None:
    request = limited(MaxNumberOfTrainingJobs={"Get": "Parameters.Trials"})
    parameter = {"Name": "Trials", "Type": "Integer", "DefaultValue": 3}
    definition = parse_definition(document(request, parameters=(parameter,)))
    assert resolve_parameters(definition, {}) == {"Trials": 3}
    with pytest.raises(DefinitionError, match=r"supports only 1 to 750, not 0"):
        resolve_parameters(definition, {"Trials": 0})


def test_a_built_in_algorithms_own_metric_needs_no_definition() -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    request = metrics(image=image)
    request[CONFIG]["HyperParameterTuningJobObjective"]["MetricName"] = "validation:rmse"
    (family,) = read_search(request).families
    assert parse_definition(document(request)).step("Tune").arguments == request
    definitions = family.request["AlgorithmSpecification"]["MetricDefinitions"]
    assert definitions == [{"Name": "validation:rmse", "Regex": family.regex}]


@pytest.mark.parametrize(
    ("low", "high", "scaling", "expected"),
    [
        ("1", "99", "Auto", "Linear"),
        ("1", "100", "Auto", "Logarithmic"),
        ("0", "100", "Auto", "Linear"),
        ("1", "100", "Linear", "Linear"),
        ("0.1", "0.5", "ReverseLogarithmic", "ReverseLogarithmic"),
    ],
)
def test_the_scale_of_auto_follows_from_the_bounds(low: str, high: str, scaling: str, expected: str) -> None:
    (family,) = read_search(continuous(low, high, scaling)).families
    assert family.ranges == (Range("rate", "Continuous", float(low), float(high), expected),)  # type: ignore[arg-type]


def test_the_most_of_hyperband_is_inferred_from_the_epochs() -> None:
    search = read_search(arguments(strategy="Hyperband"))
    assert (search.min_resource, search.max_resource) == (1, 9)


def test_a_trials_request_is_one_that_the_service_takes() -> None:
    definition = definition_of_trials(
        HyperParameterTuningResourceConfig={
            "InstanceConfigs": [{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}],
            "VolumeKmsKeyId": "a-key",
        },
        CheckpointConfig={"S3Uri": "s3://a-bucket/ck"},
        RetryStrategy={"MaximumRetryAttempts": 2},
        Environment={"A": "b"},
    )
    del definition["ResourceConfig"]
    (family,) = read_search(arguments(definition=definition)).families
    request = trial_request(family, "Tune", 3, {"rate": "0.1", "size": "32"})
    shape = request_shape("Training")
    assert list(mismatches({**request, "TrainingJobName": "a"}, shape, "$")) == []
    assert request["ResourceConfig"]["VolumeKmsKeyId"] == "a-key"
    assert request["HyperParameters"]["rate"] == "0.1"


def test_families_take_turns_and_a_grid_passes_over_one_that_is_used_up() -> None:
    def grid(*values: str) -> dict[str, Any]:
        own = {"CategoricalParameterRanges": [{"Name": "size", "Values": list(values)}]}
        return definition_of_trials(HyperParameterRanges=own)

    request = {
        CONFIG: arguments(strategy="Grid", trials=None)[CONFIG],
        "TrainingJobDefinitions": [grid("1"), grid("1", "2", "3")],
    }
    search = read_search(request)
    assert search.trials == 4
    assert [search.family_of(number) for number in range(1, 5)] == [(0, 0), (1, 0), (1, 1), (1, 2)]
