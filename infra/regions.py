"""For which regions the template is, and what it is there: without what CloudFormation does not know."""

from __future__ import annotations

from typing import Any

from infra.resolving import condition_holds
from infra.template import Template
from pipeline.errors import UsageError

# Types that CloudFormation does not know everywhere, and the condition on the region that says where.
REGIONAL = {"AWS::Budgets::Budget": "KnowsBudgets", "AWS::SageMaker::MlflowApp": "KnowsMlflowApps"}


def regions(template: Template) -> list[str]:
    """The regions that the template is for."""
    return sorted(template["Mappings"]["ContainerAccounts"])


def for_region(template: Template, region: str) -> tuple[Template, list[str]]:
    """The template without the resources whose type CloudFormation does not know in `region`, and what names them;
    and the names of these resources.

    Their conditions are false there, which is enough for some of CloudFormation's operations and not for all: it
    refuses a template with a type that it does not know.

    Raises:
        UsageError: the template is not for that region.
    """
    if region not in regions(template):
        raise UsageError(
            f"Could not deploy to {region}: AWS has no TensorFlow containers there, or CloudFormation lacks types "
            "of resources that the stack needs. Choose another region with --region: "
            f"{', '.join(regions(template))}."
        )
    lacking = [
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] in REGIONAL and not condition_holds(template, REGIONAL[resource["Type"]], region)
    ]
    while more := [
        name
        for name, resource in template["Resources"].items()
        if name not in lacking and set(lacking) & named_attributes(resource)
    ]:
        lacking += more
    kept = {
        part: {
            name: each
            for name, each in template[part].items()
            if name not in lacking and not set(lacking) & named_attributes(each)
        }
        for part in ("Resources", "Outputs")
    }
    return template | kept, lacking


def named_attributes(node: Any) -> set[str]:
    """The resources whose attributes are read in `node`."""
    if isinstance(node, list):
        return {name for each in node for name in named_attributes(each)}
    if not isinstance(node, dict):
        return set()
    found = {name for each in node.values() for name in named_attributes(each)}
    attribute = node.get("Fn::GetAtt")
    return found | {attribute[0]} if isinstance(attribute, list) else found
