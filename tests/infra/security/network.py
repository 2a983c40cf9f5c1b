"""The private network: no way out but two endpoints, and those for this project only."""

from __future__ import annotations

from infra.resolving import ACCOUNT, REGION, ResolvedStack
from pipeline.aws.iam_evaluator import as_list
from tests.infra.security.properties import (
    Problems,
    condition,
    must,
)


@must
def the_network_has_no_way_to_the_internet(stack: ResolvedStack) -> Problems:
    ways = ("InternetGateway", "VPCGatewayAttachment", "NatGateway", "EgressOnlyInternetGateway", "EIP", "Route",
            "VPCPeeringConnection", "TransitGatewayAttachment")  # fmt: skip
    for name, resource in stack.resources.items():
        if resource["Type"].removeprefix("AWS::EC2::") in ways:
            yield f"{name} leads out"
    for name, properties in stack.of_type("AWS::EC2::Subnet").items():
        if properties.get("MapPublicIpOnLaunch") is not False:
            yield f"{name} gives public addresses"


@must
def only_jobs_reach_jobs_and_endpoints(stack: ResolvedStack) -> Problems:
    groups = stack.of_type("AWS::EC2::SecurityGroup")
    inward = [
        (name, rule) for name, group in groups.items() for rule in group.get("SecurityGroupIngress", [])
    ]
    outward = [
        (name, rule) for name, group in groups.items() for rule in group.get("SecurityGroupEgress", [])
    ]
    inward += list(stack.of_type("AWS::EC2::SecurityGroupIngress").items())
    outward += list(stack.of_type("AWS::EC2::SecurityGroupEgress").items())
    for name, rule in inward:
        between_jobs = rule.get("GroupId") == "jobsecuritygroup"
        if rule.get("SourceSecurityGroupId") != "jobsecuritygroup" or (
            not between_jobs
            and (rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort")) != ("tcp", 443, 443)
        ):
            yield f"{name} lets in {rule}"
    for name, rule in outward:
        https = rule.get("IpProtocol") == "tcp" and (rule.get("FromPort"), rule.get("ToPort")) == (443, 443)
        if not https and rule.get("DestinationSecurityGroupId") != "jobsecuritygroup":
            yield f"{name} lets out {rule}"
    # TensorFlow's ports are the system's choice; encrypted traffic between hosts is UDP 500 and ESP.
    for rules in (inward, outward):
        if not any(
            rule.get("GroupId") == "jobsecuritygroup" and rule["IpProtocol"] == "-1" for _, rule in rules
        ):
            yield "the hosts of one job do not reach each other"
    yield from (
        f"{name} lets out everything" for name, group in groups.items() if "SecurityGroupEgress" not in group
    )


@must
def endpoints_pass_this_projects_requests_only(stack: ResolvedStack) -> Problems:
    endpoints = stack.of_type("AWS::EC2::VPCEndpoint")
    if {each["ServiceName"].rpartition(f"{REGION}.")[2] for each in endpoints.values()} != {
        "s3",
        "sagemaker.api",
    }:
        yield f"the endpoints are {sorted(endpoints)}"
    for name, properties in endpoints.items():
        statements = properties.get("PolicyDocument", {}).get("Statement", [])
        if not statements:
            yield f"{name} passes everything"
        for statement in statements:
            if condition(statement, ("StringEquals",), "aws:PrincipalAccount") != [ACCOUNT]:
                yield f"{name}.{statement['Sid']} passes requests of other accounts"
            for resource in as_list(statement["Resource"]):
                if ACCOUNT not in resource:
                    yield f"{name}.{statement['Sid']} passes requests about {resource}"


@must
def the_networks_traffic_is_logged(stack: ResolvedStack) -> Problems:
    logs = list(stack.of_type("AWS::EC2::FlowLog").values())
    if [(log.get("ResourceId"), log.get("TrafficType")) for log in logs] != [("vpc", "ALL")]:
        yield f"flow logs are {logs}"
