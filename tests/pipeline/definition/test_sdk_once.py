"""What the SDK is made to do once decides as before: it refuses what it refused, and knows what it knew."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from jsonschema import ValidationError

from pipeline.definition.compiling import NO_TELEMETRY


@pytest.fixture(scope="module")
def sdk() -> Any:
    """Modules of the SDK, by their last names, once they have been changed."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # it makes clients while it is imported
        from sagemaker.core import common_utils, image_uris
        from sagemaker.core.config import config, config_manager
        from sagemaker.core.local import local_session
        from sagemaker.core.workflow import utilities
        from sagemaker.mlops.workflow import steps

        from pipeline.definition.sdk_once import do_once
    do_once()
    modules = (common_utils, image_uris, config, config_manager, local_session, utilities, steps)
    return {module.__name__.rpartition(".")[2]: module for module in modules}


def test_the_second_time_nothing_is_replaced(sdk: Any) -> None:
    from pipeline.definition.sdk_once import do_once

    def replaced() -> list[Any]:
        return [
            sdk["config"].jsonschema,
            sdk["config_manager"].jsonschema,
            sdk["common_utils"]._botocore_resolver,
            sdk["steps"].LocalSagemakerClient,
        ]

    before = replaced()
    do_once()
    assert all(now is then for now, then in zip(replaced(), before, strict=True))


def test_wrong_defaults_are_refused_each_time_and_right_ones_are_taken_after_them(sdk: Any) -> None:
    validate = sdk["config"].validate_sagemaker_config
    wrong = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": "yes"}}}}
    validate(NO_TELEMETRY)
    for _ in range(2):
        with pytest.raises(ValidationError, match="'yes' is not of type 'boolean'"):
            validate(wrong)
    validate(NO_TELEMETRY)


def test_steps_make_no_session_and_take_the_arguments_of_their_kind_alone(
    sdk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a session of local mode")

    monkeypatch.setattr(sdk["local_session"].LocalSagemakerClient, "__init__", fail)
    arguments, steps = sdk["utilities"]._StepArguments, sdk["steps"]
    taken = {
        steps.ProcessingStep: ("run", "create_processing_job"),
        steps.TransformStep: ("transform", "create_transform_job"),
    }
    for kind, names in taken.items():
        for name in names:
            assert kind("A", arguments(name, {})).step_args.caller_name == name
        with pytest.raises(ValueError, match="must be obtained from"):
            kind("A", arguments("train", {}))


def test_endpoints_are_read_once_and_are_those_of_each_region(sdk: Any) -> None:
    common_utils = sdk["common_utils"]
    assert common_utils._botocore_resolver() is common_utils._botocore_resolver()
    regions = {"eu-west-1": ("aws", "amazonaws.com"), "cn-north-1": ("aws-cn", "amazonaws.com.cn")}
    for region, (partition, suffix) in regions.items():
        assert common_utils.aws_partition(region) == partition
        uri = sdk["image_uris"].retrieve(
            "tensorflow",
            region,
            "2.19",
            py_version="py312",
            instance_type="ml.m5.large",
            image_scope="training",
        )
        assert uri.partition("/")[0].partition(".dkr.")[2] == f"ecr.{region}.{suffix}"
