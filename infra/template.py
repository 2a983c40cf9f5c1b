"""Reads infra/stack.yaml: CloudFormation's short tags (!Ref, !Sub, …) become its long forms, as JSON has them.

The command line sends the template, infra/check.py and the tests look into it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

Template = dict[str, Any]

STACK_FILE = Path(__file__).resolve().parent / "stack.yaml"


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """YAML as CloudFormation reads it: with its tags, and with dates left as texts.

    libyaml reads the template in a seventh of the time; every wheel of PyYAML has it.
    """


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def load_template(path: Path = STACK_FILE) -> Template:
    """The template, with every function in its long form."""
    template: Template = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    return template


def compact(template: Template) -> str:
    """The template as it is sent: JSON without comments and without the metadata, which is for readers."""
    resources = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template["Resources"].items()
    }
    return json.dumps(template | {"Resources": resources}, separators=(",", ":"), ensure_ascii=False)
