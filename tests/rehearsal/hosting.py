"""A stand-in of SageMaker's hosting: endpoints and their configurations, each at once what it is to become.

What serves is `python -m pipeline serve`, which answers as SageMaker's container does. `going_off` is an alarm that
goes off in the next update, which is then taken back.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.local.endpoint.named import Tags
from pipeline.local.endpoint.operations import Operation
from pipeline.local.endpoint.wire import VALIDATION, ServiceError
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.resources import Resources
from tests.e2e.command import Command, await_true

Json = dict[str, Any]
ARN = f"arn:aws:sagemaker:{LocalAws.REGION}:{LocalAws.ACCOUNT}"
KINDS = {"Endpoint": "endpoint", "EndpointConfig": "endpoint-config"}


class Hosting:
    """`client` gives moto's clients, `resources` has the pipelines' tags; `environment` leads a server here."""

    def __init__(
        self,
        client: Callable[[str], Any],
        resources: Callable[[], Resources],
        environment: Callable[[], Mapping[str, str]],
        home: Path,
    ) -> None:
        self._client, self._resources, self._environment, self._home = client, resources, environment, home
        self.deleted: set[str] = set()
        self.configs: dict[str, Json] = {}
        self.endpoints: dict[str, Json] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.going_off: str | None = None
        self.scales: Callable[[str], bool] = lambda endpoint: False
        self._serving: dict[str, Command] = {}

    def operations(self) -> dict[tuple[str, str], Operation]:
        """What it answers."""
        return {
            ("sagemaker", name): operation
            for name, operation in {
                "CreateEndpointConfig": self._create_config,
                "DescribeEndpointConfig": lambda asked: self._find("EndpointConfig", asked),
                "ListEndpointConfigs": lambda asked: self._list("EndpointConfig", asked),
                "DeleteEndpointConfig": lambda asked: self._delete("EndpointConfig", asked),
                "CreateEndpoint": self._create,
                "UpdateEndpoint": self._update,
                "DescribeEndpoint": lambda asked: self._find("Endpoint", asked),
                "ListEndpoints": lambda asked: self._list("Endpoint", asked),
                "DeleteEndpoint": lambda asked: self._delete("Endpoint", asked),
                "ListTags": self._list_tags,
                "ListModelPackages": self._list_packages,
                "DeleteModelPackage": self._delete_package,
            }.items()
        }

    def model_of(self, config: str) -> Json:
        """The model that a configuration serves, with what is registered of it."""
        variant = self.configs[config]["ProductionVariants"][0]
        sagemaker = self._client("sagemaker")
        made: Json = sagemaker.describe_model(ModelName=variant["ModelName"])
        name = made["PrimaryContainer"]["ModelPackageName"]
        return {
            **made,
            "Variant": variant,
            "Package": sagemaker.describe_model_package(ModelPackageName=name),
        }

    def invoke(self, name: str, body: bytes, kind: str) -> bytes:
        """The answer of the container behind an endpoint."""
        endpoint = self._find("Endpoint", {"EndpointName": name})
        url = self.come_up(self.model_of(endpoint["EndpointConfigName"])["Package"]["ModelPackageVersion"])
        request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": kind})
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
            return content

    def close(self) -> None:
        """End what serves."""
        for command in self._serving.values():
            command.__exit__()

    def come_up(self, version: int) -> str:
        """Waits until a version is served, and returns where."""
        if str(version) not in self._serving:
            words = ("serve", "--target", "sagemaker", "--model", str(version), "--port", "0", "--quiet")
            self._serving[str(version)] = Command(self._home, *words, **self._environment())
        command = self._serving[str(version)]
        await_true(
            lambda: "Serving" in command.err or "Could not" in command.err, "a model to be served", 600.0
        )
        found = re.search(r"http://127\.0\.0\.1:\d+", command.err)
        assert found is not None, command.err
        return found[0]

    def _create_config(self, asked: Json) -> Json:
        arn = f"{ARN}:endpoint-config/{asked['EndpointConfigName']}"
        self.configs[asked["EndpointConfigName"]] = {
            "EndpointConfigName": asked["EndpointConfigName"],
            "EndpointConfigArn": arn,
            "ProductionVariants": asked["ProductionVariants"],
            "CreationTime": 0,
        }
        self._tag(arn, asked)
        found = self.model_of(asked["EndpointConfigName"])
        types = found["Package"]["InferenceSpecification"].get("SupportedRealtimeInferenceInstanceTypes")
        kind = found["Variant"].get("InstanceType")
        refused = None
        if kind is not None and types and kind not in types:
            refused = f"InstanceType {kind} is not supported by the model package: {', '.join(types)}"
        if "ServerlessConfig" in found["Variant"] and found.get("EnableNetworkIsolation"):
            refused = "Network isolation is not supported with serverless inference"
        if refused:
            del self.configs[asked["EndpointConfigName"]]
            raise ServiceError(VALIDATION, refused)
        return {"EndpointConfigArn": arn}

    def _create(self, asked: Json) -> Json:
        name = asked["EndpointName"]
        if name in self.endpoints:
            raise ServiceError(
                VALIDATION, f'Cannot create already existing endpoint "{ARN}:endpoint/{name}".'
            )
        self._find("EndpointConfig", asked)
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": f"{ARN}:endpoint/{name}",
            "EndpointConfigName": asked["EndpointConfigName"],
            "EndpointStatus": "InService",
            "ProductionVariants": self._variants(asked["EndpointConfigName"]),
            "CreationTime": 0,
            "LastModifiedTime": 0,
        }
        self._tag(f"{ARN}:endpoint/{name}", asked)
        return {"EndpointArn": f"{ARN}:endpoint/{name}"}

    def _update(self, asked: Json) -> Json:
        endpoint = self._find("Endpoint", asked)
        self._find("EndpointConfig", asked)
        types = {
            self.configs[each["EndpointConfigName"]]["ProductionVariants"][0].get("InstanceType")
            for each in (endpoint, asked)
        }
        if len(types) > 1 and self.scales(asked["EndpointName"]):
            raise ServiceError(VALIDATION, "Deregister the variant from automatic scaling first")
        rollback = asked.get("DeploymentConfig", {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
        if self.going_off in [each["AlarmName"] for each in rollback]:
            endpoint["FailureReason"] = (
                f"One or more configured alarm(s) are in alarm state: {self.going_off}"
            )
            self.going_off = None
        else:
            endpoint["EndpointConfigName"] = asked["EndpointConfigName"]
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _variants(self, config: str) -> list[Json]:
        count = self.configs[config]["ProductionVariants"][0].get("InitialInstanceCount")
        return [{"VariantName": "AllTraffic", **({"DesiredInstanceCount": count} if count else {})}]

    def _list_packages(self, asked: Json) -> Json:
        """moto's, without those that were deleted, which it cannot."""
        listed: Json = self._client("sagemaker").list_model_packages(**asked)
        found = [
            each for each in listed["ModelPackageSummaryList"] if each["ModelPackageArn"] not in self.deleted
        ]
        more = {"NextToken": listed["NextToken"]} if listed.get("NextToken") else {}
        return {"ModelPackageSummaryList": found, **more}

    def _delete_package(self, asked: Json) -> Json:
        self.deleted.add(asked["ModelPackageName"])
        return {}

    def _store(self, kind: str) -> dict[str, Json]:
        return self.endpoints if kind == "Endpoint" else self.configs

    def _find(self, kind: str, asked: Json) -> Json:
        name = asked[f"{kind}Name"]
        found = self._store(kind).get(name)
        if found is None:
            raise ServiceError(VALIDATION, f'Could not find {KINDS[kind]} "{ARN}:{KINDS[kind]}/{name}".')
        return found

    def _list(self, kind: str, asked: Json) -> Json:
        part = asked.get("NameContains", "")
        found = [each for name, each in self._store(kind).items() if part in name]
        hidden = (
            ("ProductionVariants", "EndpointConfigName", "FailureReason")
            if kind == "Endpoint"
            else ("ProductionVariants",)
        )
        return {f"{kind}s": [{key: each[key] for key in each if key not in hidden} for each in found]}

    def _delete(self, kind: str, asked: Json) -> Json:
        self._find(kind, asked)
        del self._store(kind)[asked[f"{kind}Name"]]
        return {}

    def _tag(self, arn: str, asked: Json) -> None:
        self.tags[arn] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags", ())}

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of anything of SageMaker's."""
        if arn in self.tags:
            return self.tags[arn]
        if ":pipeline/" in arn:
            listed = Tags(self._resources()).list_tags({"ResourceArn": arn})["Tags"]
        else:
            listed = self._client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    def _list_tags(self, asked: Json) -> Json:
        return {
            "Tags": [
                {"Key": key, "Value": value} for key, value in self.tags_of(asked["ResourceArn"]).items()
            ]
        }
