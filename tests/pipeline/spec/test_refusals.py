"""What a job's request must have (request_schema.py) and what the local engine refuses of it (refusals.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.spec.parsing import parse_definition

COMPILED = (Path(__file__).parent / "compiled_definition.json").read_text()
MODELS = (Path(__file__).parent / "compiled_models.json").read_text()
DELETE = object()
CHANNEL = ("InputDataConfig", 0)
SOURCE = (*CHANNEL, "DataSource", "S3DataSource")
INPUT = ("ProcessingInputs", 0)
OUTPUT = ("ProcessingOutputConfig", "Outputs", 0)


def refusal(step: int, place: tuple[str | int, ...], value: Any) -> str:
    """The message about the compiled definition with `value` at `place` of the arguments of a step."""
    document = json.loads(COMPILED)
    change(document["Steps"][step]["Arguments"], place, value)
    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps(document))
    return str(caught.value)


def change(holder: Any, place: tuple[str | int, ...], value: Any) -> None:
    """Put `value` at `place`, or delete what is there."""
    for key in place[:-1]:
        holder = holder[key]
    if value is DELETE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ((*INPUT, "AppManaged"), True, "ProcessingInputs[0].AppManaged: the local engine does not support this"),
        ((*INPUT, "DatasetDefinition"), {"LocalPath": "/x"}, "ProcessingInputs[0].DatasetDefinition: the local"),
        ((*INPUT, "S3Input", "S3InputMode"), "Pipe", "S3InputMode: the local engine supports only 'File' and"),
        ((*INPUT, "S3Input", "S3DataType"), "AugmentedManifestFile", "supports only 'S3Prefix' and "
            "'ManifestFile', not 'AugmentedManifestFile'"),
        ((*INPUT, "S3Input", "S3Uri"), "s3://bkt-one//in", "accepts no address with an empty part (“//”), as 's3"),
        ((*INPUT, "S3Input", "S3Uri"), "s3://bkt-one/in//a", "accepts no address with an empty part (“//”)"),
        ((*INPUT, "S3Input", "S3Uri"), "https://b/k", "must be s3://bucket/key, not 'https://b/k'"),
        ((*OUTPUT, "S3Output", "S3Uri"), "s3://Bkt_One/o", "'Bkt_One' is not a valid bucket name: S3 allows 3"),
        ((*OUTPUT, "S3Output", "S3Uri"), "s3://10.0.0.1/o", "and no IP address (in 's3://10.0.0.1/o')"),
        ((*INPUT, "S3Input", "S3CompressionType"), "Gzip", "supports only 'None', not 'Gzip'"),
        ((*INPUT, "S3Input", "LocalPath"), "/opt/../etc", "LocalPath: must be an absolute path below /"),
        ((*INPUT, "S3Input", "LocalPath"), "/", "LocalPath: must be an absolute path below /"),
        ((*INPUT, "S3Input", "LocalPath"), DELETE, "ProcessingInputs[0].S3Input.LocalPath: missing"),
        ((*INPUT, "S3Input"), DELETE, "$.Steps[0].Arguments.ProcessingInputs[0].S3Input: missing"),
        ((*INPUT, "S3Input"), "s3://b/k", "ProcessingInputs[0].S3Input: must be an object, not 's3://b/k'"),
        (("ProcessingInputs",), "s3://b/k", "ProcessingInputs: must be a list, not 's3://b/k'"),
        ((*OUTPUT, "FeatureStoreOutput"), {"FeatureGroupName": "x"}, "Outputs[0].FeatureStoreOutput: the local"),
        ((*OUTPUT, "S3Output", "S3UploadMode"), "Never", "supports only 'EndOfJob' and 'Continuous'"),
        ((*OUTPUT, "OutputName"), 3, "Outputs[0].OutputName: must be a string, not 3"),
        (("ProcessingResources", "ClusterConfig", "InstanceCount"), 0, "Count: the local engine supports only 1"),
        (("ProcessingResources",), DELETE, "$.Steps[0].Arguments.ProcessingResources: missing"),
        (("AppSpecification", "ContainerEntrypoint"), "python3", "Entrypoint: must be a list"),
        (("AppSpecification", "ContainerArguments"), ["--epochs", 3], "ContainerArguments[1]: must be a string, "
            "not 3"),
        (("AppSpecification", "ContainerArguments"), [{"Get": "Parameters.Epochs"}], "must be a string, "
            "not Parameters.Epochs, which is of type Integer. Write it with .to_string()."),
        (("Environment", "E"), True, "Environment.E: must be a string, not True"),
        (("StoppingCondition",), {"MaxRuntimeInSeconds": "60"}, "MaxRuntimeInSeconds: must be a whole number"),
        (("StoppingCondition",), {"MaxRuntimeInSeconds": {"Get": "Parameters.LearningRate"}}, "of type Float."),
    ],
)  # fmt: skip
def test_a_processing_request_is_refused_for(place: tuple[str | int, ...], value: Any, expected: str) -> None:
    assert expected in refusal(0, place, value)


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ((*CHANNEL, "InputMode"), "Pipe", "InputDataConfig[0].InputMode: the local engine supports only 'File'"),
        ((*CHANNEL, "CompressionType"), "Gzip", "InputDataConfig[0].CompressionType: the local engine supports"),
        ((*CHANNEL, "RecordWrapperType"), "RecordIO", "RecordWrapperType: the local engine supports only 'None'"),
        ((*CHANNEL, "ShuffleConfig"), {"Seed": 1}, "ShuffleConfig: the local engine does not support this"),
        ((*CHANNEL, "DataSource"), {"FileSystemDataSource": {"FileSystemId": "fs"}}, "FileSystemDataSource: the"),
        ((*CHANNEL, "DataSource"), {}, "InputDataConfig[0].DataSource.S3DataSource: missing"),
        ((*CHANNEL, "ChannelName"), DELETE, "InputDataConfig[0].ChannelName: missing"),
        ((*SOURCE, "S3DataType"), "AugmentedManifestFile", "S3DataType: the local engine supports only 'S3Prefix'"),
        ((*SOURCE, "S3Uri"), ["s3://b/k"], "S3DataSource.S3Uri: must be s3://bucket/key, not ['s3://b/k']"),
        (("HyperParameters", "lr"), 0.1, "HyperParameters.lr: must be a string, not 0.1"),
        (("HyperParameters", "lr"), {"Get": "Parameters.Flag"}, "which is of type Boolean. Write it with"),
        (("ResourceConfig", "InstanceCount"), 17, "InstanceCount: the local engine supports only 1 to 16"),
        (("ResourceConfig", "InstanceGroups"), [{}], "InstanceGroups: the local engine does not support this"),
        (("OutputDataConfig", "S3OutputPath"), DELETE, "OutputDataConfig.S3OutputPath: missing"),
        (("AlgorithmSpecification", "AlgorithmName"), "a", "AlgorithmName: the local engine does not support this"),
        (("AlgorithmSpecification", "TrainingInputMode"), "Pipe", "TrainingInputMode: the local engine supports"),
        (("AlgorithmSpecification", "MetricDefinitions"), [{"Name": "a"}], "MetricDefinitions[0].Regex: missing"),
        (("CheckpointConfig",), {"S3Uri": "s3://b/c", "LocalPath": "checkpoints"}, "LocalPath: must be an"),
        (("ServerlessJobConfig",), {"JobType": "FineTuning"}, "ServerlessJobConfig: the local engine does not"),
    ],
)  # fmt: skip
def test_a_training_request_is_refused_for(place: tuple[str | int, ...], value: Any, expected: str) -> None:
    assert expected in refusal(1, place, value)


@pytest.mark.parametrize(
    ("step", "place", "value", "expected"),
    [
        (0, ("ModelPackageGroupName",), DELETE, "IfSteps[0].Arguments.ModelPackageGroupName: missing"),
        (0, ("ModelPackageGroupName",), {"Get": "Parameters.MinimumScore"}, "which is of type Float. Write it"),
        (0, ("ModelPackageName",), "name", "IfSteps[0].Arguments.ModelPackageName: the local engine does not"),
        (0, ("ValidationSpecification",), {"ValidationRole": "r"}, "ValidationSpecification: the local engine"),
        (0, ("CustomerMetadataProperties", "x"), 3, "CustomerMetadataProperties.x: must be a string, not 3"),
        (0, ("ModelMetric",), {}, "RegisterModel steps have no such argument. Did you mean 'ModelMetrics'?"),
        (1, ("Container",), {}, "IfSteps[1].Arguments.Container: Model steps have no such argument. Did you mean"),
        (1, ("PrimaryContainer", "Environment", "N"), 3, "PrimaryContainer.Environment.N: must be a string, not 3"),
        (1, ("Containers",), "x", "IfSteps[1].Arguments.Containers: must be a list, not 'x'"),
    ],
)  # fmt: skip
def test_a_model_request_is_refused_for(step: int, place: tuple[str, ...], value: Any, expected: str) -> None:
    document = json.loads(MODELS)
    change(document["Steps"][1]["Arguments"]["IfSteps"][step]["Arguments"], place, value)
    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps(document))
    assert expected in str(caught.value)


def test_a_value_that_another_step_gives_is_left_to_the_job() -> None:
    document = json.loads(COMPILED)
    get = {"Get": "Steps.Normalize.ProcessingResources.ClusterConfig.InstanceCount"}
    document["Steps"][1]["Arguments"]["ResourceConfig"]["InstanceCount"] = get
    assert (
        parse_definition(json.dumps(document)).step("Train").arguments["ResourceConfig"]["InstanceCount"]
        == get
    )


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        ("Steps.Count.OutputParameters['rows']", "Integer"),
        ("Steps.Normalize.ProcessingResources.ClusterConfig.InstanceCount", "Integer"),
        ("Steps.Loop.IterationOutputs[0].Item.OutputParameters['share']", "Float"),
        ("Steps.Loop.Selected.OutputParameters['share']", "Float"),
    ],
)
def test_what_will_be_a_number_is_no_text(read: str, kind: str) -> None:
    def function(name: str, output: str, kind: str) -> dict[str, Any]:
        outputs = [{"OutputName": output, "OutputType": kind}, {"OutputName": "word", "OutputType": "String"}]
        members = {"FunctionArn": "a", "Arguments": {}, "OutputParameters": outputs}
        return {"Name": name, "Type": "Lambda", **members}

    loop = {
        "Name": "Loop",
        "Type": "ForEach",
        "Arguments": {
            "IterableItems": [1],
            "MaxConcurrency": 1,
            "ForEachBody": [function("Item", "share", "Float")],
            "Selector": {
                "Pick": "MaxBy",
                "Field": {"Get": "IterationOutput.Item.OutputParameters['share']"},
            },
        },
    }
    document = json.loads(COMPILED)
    document["Steps"] += [function("Count", "rows", "Integer"), loop]
    hyperparameters = document["Steps"][1]["Arguments"]["HyperParameters"]
    hyperparameters["count"] = {"Get": read}
    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps(document))
    assert (
        f"$.Steps[1].Arguments.HyperParameters.count: must be a string, not {read}, which is of type "
        f"{kind}. Write it with .to_string()."
    ) in str(caught.value)
    hyperparameters["count"] = {"Std:Join": {"On": "", "Values": [{"Get": read}]}}
    hyperparameters["word"] = {"Get": "Steps.Count.OutputParameters['word']"}
    parse_definition(json.dumps(document))
