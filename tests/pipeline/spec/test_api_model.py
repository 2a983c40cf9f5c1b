"""The API that is read from botocore's file is the one that botocore reads."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from pipeline.spec.api_model import Section, Shape, described, read_api

LIMITS = ("min", "max", "pattern")
# What steps ask for, and what they leave.
OPERATIONS = (
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateTransformJob",
    "CreateHyperParameterTuningJob",
    "CreateModel",
    "CreateModelPackage",
    "DescribeTrainingJob",
    "DescribeProcessingJob",
)


@pytest.fixture(scope="module")
def botocore_model() -> ServiceModel:
    loader = Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])
    return ServiceModel(loader.load_service_model("sagemaker", "service-2"), "sagemaker")


def same(ours: Any, theirs: Any, seen: set[str]) -> None:
    """Compare two shapes and all that they are made of."""
    assert (ours.name, ours.type_name) == (theirs.name, theirs.type_name)
    if ours.name in seen:
        return
    seen.add(ours.name)
    assert {name: ours.metadata.get(name) for name in LIMITS} == {
        name: theirs.metadata.get(name) for name in LIMITS
    }
    if theirs.type_name == "structure":
        assert list(ours.required_members) == list(theirs.required_members)
        assert list(ours.members) == list(theirs.members)
        for name, member in theirs.members.items():
            same(ours.members[name], member, seen)
        assert (theirs.is_tagged_union, theirs.is_document_type) == (False, False)
    elif theirs.type_name == "list":
        same(ours.member, theirs.member, seen)
    elif theirs.type_name == "map":
        same(ours.key, theirs.key, seen)
        same(ours.value, theirs.value, seen)
    elif theirs.type_name == "string":
        assert ours.enum == theirs.enum


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_and_answers_are_those_of_botocore(operation: str, botocore_model: ServiceModel) -> None:
    ours, theirs = read_api("sagemaker").operation_model(operation), botocore_model.operation_model(operation)
    seen: set[str] = set()
    assert isinstance(ours.input_shape, Shape)
    same(ours.input_shape, theirs.input_shape, seen)
    same(ours.output_shape, theirs.output_shape, seen)
    assert len(seen) > 2


def test_all_shapes_are_there(botocore_model: ServiceModel) -> None:
    assert read_api("sagemaker").shape_names == list(botocore_model.shape_names)
    with pytest.raises(KeyError):
        read_api("sagemaker").shape_for("NoSuchShape")


def test_an_entry_that_is_read_alone_is_that_of_the_whole_file() -> None:
    folder = Path(botocore.__file__).parent / "data" / "sagemaker"
    packed = max(folder.iterdir()) / "service-2.json.gz"
    text = zlib.decompress(packed.read_bytes(), 31)
    whole = json.loads(text)
    found = described(text)
    # Else it costs what it is to save.
    assert isinstance(found["shapes"], Section)
    for name in ("operations", "shapes"):
        assert list(found[name]) == list(whole[name])
        assert dict(found[name]) == whole[name]
    assert described(json.dumps(whole).encode()) == whole


def test_reading_it_imports_nothing_of_botocore() -> None:
    read = "from pipeline.spec.api_model import read_api; read_api('sagemaker')"
    code = f"import sys; {read}; print('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
