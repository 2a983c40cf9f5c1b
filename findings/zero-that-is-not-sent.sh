#!/usr/bin/env bash
# Library:  SageMaker SDK v3: the resource classes of sagemaker-core 2.27.0 (of sagemaker 3.27.0), with boto3 1.44.5.
# Guess:    ProductionVariant(initial_variant_weight=0.0) makes a variant that gets no traffic until its weight is raised, and
#           a desired weight of 0 takes it away: zero is a value, as for boto3; what is not given is Unassigned.
# Found:    What is 0, False or "" within a shape is left out of the request, without a word; at the top of a request it is
#           kept. The weight of a variant that is not given is 1.0 by the service's documentation: the canary gets half of the
#           traffic. A drained variant is sent with no weight at all, instances that may scale to 0 without the 0, and a tag
#           without a value is refused.
# Output:   initial_variant_weight=0.0    boto3: 0.0        sagemaker-core: not sent
#           min_instance_count=0          boto3: 0          sagemaker-core: not sent
#           desired_weight=0.0            boto3: 0.0        sagemaker-core: not sent
#           Tag(key='k', value='')        boto3: ''         sagemaker-core: ParamValidationError
#           initial_variant_weight=0.1    boto3: 0.1        sagemaker-core: 0.1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    sagemaker-core==2.27.0 boto3==1.44.5 botocore==1.44.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import json
import logging
import sys
from types import SimpleNamespace

import boto3
from botocore.exceptions import ParamValidationError

logging.disable(logging.CRITICAL)
from sagemaker.core.resources import Endpoint, EndpointConfig
from sagemaker.core.resources import Tag as Tags
from sagemaker.core.shapes import (
    DesiredWeightAndCapacity,
    ProductionVariant,
    ProductionVariantManagedInstanceScaling,
    Tag,
)

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
session = boto3.Session(region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
sent = {}


def answer(model, params, **_):
    """Keep the body that would be sent, and answer in the service's place."""
    sent[model.name] = json.loads(params["body"])
    return SimpleNamespace(status_code=200), {"EndpointArn": ARN, "EndpointConfigArn": ARN, "EndpointConfigName": "c"}


session.events.register("before-call.sagemaker", answer)
plain = session.client("sagemaker")
endpoint = Endpoint(endpoint_name="e")


def variant(weight, least):
    """What both send of a variant, by boto3 and by sagemaker-core."""
    scaling = {"Status": "ENABLED", "MinInstanceCount": least, "MaxInstanceCount": 2}
    asked = {"VariantName": "canary", "InitialVariantWeight": weight, "ManagedInstanceScaling": scaling}
    plain.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[asked])
    yield sent.pop("CreateEndpointConfig")["ProductionVariants"][0]
    scaling = ProductionVariantManagedInstanceScaling(status="ENABLED", min_instance_count=least, max_instance_count=2)
    asked = ProductionVariant(variant_name="canary", initial_variant_weight=weight, managed_instance_scaling=scaling)
    EndpointConfig.create(endpoint_config_name="c", production_variants=[asked], session=session)
    yield sent.pop("CreateEndpointConfig")["ProductionVariants"][0]


def drained():
    """What both send of a variant that is to get no more traffic."""
    desired = [{"VariantName": "canary", "DesiredWeight": 0.0}]
    plain.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=desired)
    yield sent.pop("UpdateEndpointWeightsAndCapacities")["DesiredWeightsAndCapacities"][0]
    desired = [DesiredWeightAndCapacity(variant_name="canary", desired_weight=0.0)]
    endpoint.update_weights_and_capacities(desired_weights_and_capacities=desired, session=session)
    yield sent.pop("UpdateEndpointWeightsAndCapacities")["DesiredWeightsAndCapacities"][0]


def tagged():
    """What both send of a tag that is a word alone."""
    plain.add_tags(ResourceArn=ARN, Tags=[{"Key": "k", "Value": ""}])
    yield repr(sent.pop("AddTags")["Tags"][0]["Value"])
    try:
        Tags.add_tags(resource_arn=ARN, tags=[Tag(key="k", value="")], session=session)
        yield repr(sent.pop("AddTags")["Tags"][0].get("Value", "not sent"))
    except ParamValidationError as error:
        yield type(error).__name__


zero, some = [*variant(0.0, 0)], [*variant(0.1, 1)]
scalings = [each["ManagedInstanceScaling"] for each in zero]
rows = {
    "initial_variant_weight=0.0": [each.get("InitialVariantWeight", "not sent") for each in zero],
    "min_instance_count=0": [each.get("MinInstanceCount", "not sent") for each in scalings],
    "desired_weight=0.0": [each.get("DesiredWeight", "not sent") for each in drained()],
    "Tag(key='k', value='')": [*tagged()],
    "initial_variant_weight=0.1": [each.get("InitialVariantWeight", "not sent") for each in some],
}
for title, (boto, core) in rows.items():
    print(f"{title:29} boto3: {boto!s:10} sagemaker-core: {core}")
if [*rows.values()] != [
    [0.0, "not sent"],
    [0, "not sent"],
    [0.0, "not sent"],
    ["''", "ParamValidationError"],
    [0.1, 0.1],
]:
    sys.exit("The behaviour has changed.")
PYTHON
