"""The template has every security property, and AWS's limits on its policies are kept."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.resolving import ResolvedStack
from infra.template import Template, compact
from pipeline.definition.settings import PROJECT
from tests.infra.security.all_properties import PROPERTIES
from tests.infra.security.properties import Property


@pytest.mark.parametrize("check", PROPERTIES, ids=lambda check: check.__name__)
def test_the_template_keeps(check: Property, everything: ResolvedStack) -> None:
    assert list(check(everything)) == []


def test_cloudformations_limits_are_kept(template: Template) -> None:
    """CloudFormation quotas: 1 MB from S3, 500 resources, 200 parameters, outputs and mappings."""
    assert len(compact(template).encode()) < 1_000_000
    assert len(template["Resources"]) <= 500
    assert max(len(template[part]) for part in ("Parameters", "Outputs", "Mappings")) <= 200


def test_policies_are_no_longer_than_iam_takes(everything: ResolvedStack) -> None:
    """IAM counts characters but white space: 2,048 in a trust policy, 10,240 in a role's own, 6,144 in others."""

    def size(*documents: object) -> int:
        return sum(len(json.dumps(document, separators=(",", ":"))) for document in documents)

    for name, role in everything.of_type("AWS::IAM::Role").items():
        assert size(role["AssumeRolePolicyDocument"]) <= 2048, name
        assert size(*(policy["PolicyDocument"] for policy in role["Policies"])) <= 10_240, name
    for name, policy in everything.of_type("AWS::IAM::ManagedPolicy").items():
        assert size(policy["PolicyDocument"]) <= 6144, name


def test_the_pipelines_own_names_are_the_templates(everything: ResolvedStack, template: Template) -> None:
    assert template["Parameters"]["Project"]["Default"] == PROJECT
    assert everything.outputs["PipelineName"] == everything.outputs["ModelPackageGroupName"] == PROJECT


def test_containers_come_from_where_the_sdk_says(template: Template) -> None:
    sdk = find_spec("sagemaker")
    assert sdk is not None
    assert sdk.submodule_search_locations is not None
    folders = [Path(folder) / "core" / "image_uri_config" for folder in sdk.submodule_search_locations]
    (file,) = [path for folder in folders if (path := folder / "tensorflow.json").exists()]
    versions = {scope: json.loads(file.read_text())[scope]["versions"] for scope in ("training", "inference")}
    known = {region: each["Id"] for region, each in template["Mappings"]["ContainerAccounts"].items()}
    for scope, version in (("training", "2.21.0"), ("inference", "2.20.0")):
        registries = versions[scope][version]["registries"]
        assert {region: registries.get(region) for region in known} == known, scope
