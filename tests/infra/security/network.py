"""The private network: no way out but two endpoints, and those for this project only."""

from __future__ import annotations

from infra.resolving import ACCOUNT, REGION, ResolvedStack, resolve_template
from pipeline.targets.aws.iam_evaluator import Request, as_list, decide
from tests.infra.requests_of_roles import identity_statements
from tests.infra.security.properties import (
    EVERYTHING,
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


@must
def jobs_reach_what_they_need_from_every_subnet(stack: ResolvedStack) -> Problems:
    """A way to S3 in the route table, and SageMaker's name resolved to the endpoint that is in the network."""
    vpc = stack.properties("Vpc")
    if (vpc.get("EnableDnsSupport"), vpc.get("EnableDnsHostnames")) != (True, True):
        yield "the network resolves no names, which private DNS needs"
    subnets = {name.lower() for name in stack.of_type("AWS::EC2::Subnet")}
    tables = {
        each["SubnetId"]: each["RouteTableId"]
        for each in stack.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    }
    if set(stack.outputs.get("SubnetIds", "").split(",")) != subnets:
        yield f"jobs are put into {stack.outputs.get('SubnetIds')}"
    for name, properties in stack.of_type("AWS::EC2::VPCEndpoint").items():
        if properties.get("VpcId") != "vpc":
            yield f"{name} is in another network"
        if properties["VpcEndpointType"] == "Gateway":
            yield from (
                f"{subnet} has no route to {name}"
                for subnet in sorted(subnets)
                if tables.get(subnet) not in properties.get("RouteTableIds", [])
            )
            continue
        if properties.get("PrivateDnsEnabled") is not True:
            yield f"{name} is not found by its service's name"
        if set(properties.get("SubnetIds", [])) != subnets:
            yield f"{name} is in {properties.get('SubnetIds')}"
        if properties.get("SecurityGroupIds") != ["endpointsecuritygroup"]:
            yield f"{name} is behind {properties.get('SecurityGroupIds')}"
    zones = [each["AvailabilityZone"] for each in stack.of_type("AWS::EC2::Subnet").values()]
    if zones != [stack.parameters["ZoneA"], stack.parameters["ZoneB"]] or len(set(zones)) != len(zones):
        yield f"the subnets are in {zones}"
    by_default = resolve_template(stack.template, {**EVERYTHING, "ZoneA": "", "ZoneB": ""})
    others = [each["AvailabilityZone"] for each in by_default.of_type("AWS::EC2::Subnet").values()]
    if len(set(others)) != len(others):
        yield f"by default the subnets are in {others}"


@must
def jobs_may_say_to_the_registry_what_the_evaluation_says(stack: ResolvedStack) -> Problems:
    """What EvaluationRole may do with the registry passes the network's endpoint, too."""
    passing = stack.properties("SageMakerEndpoint")["PolicyDocument"]["Statement"]
    account = {"aws:PrincipalAccount": ACCOUNT}
    for statement in identity_statements(stack, "EvaluationRole"):
        for action in as_list(statement["Action"]):
            if statement["Effect"] == "Allow" and action.startswith("sagemaker:"):
                for resource in as_list(statement["Resource"]):
                    request = Request(action, resource.replace("*", "fashion-mnist/1"), account)
                    if decide(passing, request) != "allowed":
                        yield f"{action} on {request.resource} does not pass"
    through_s3 = stack.properties("S3Endpoint")["PolicyDocument"]["Statement"]
    for role in ("JobRole", "EvaluationRole"):
        for statement in identity_statements(stack, role):
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    asking = Request(action, resource, account)
                    if action.startswith("s3:") and decide(through_s3, asking) != "allowed":
                        yield f"{action} on {resource} does not pass"
