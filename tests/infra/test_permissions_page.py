"""docs/permissions.md names every statement and every action of the template, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from infra.resolving import ResolvedStack
from pipeline.targets.aws.iam_evaluator import as_list
from tests.infra.security.properties import policies_of_roles, resource_policies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
ACTION = re.compile(r"`([a-z0-9-]+:(?:[A-Z][A-Za-z]+|\*))`")

Table = dict[str, set[str]]


def on_the_page() -> dict[str, Table]:
    """By heading and statement, the actions in the tables. A row without a statement goes on with the one above."""
    sections: dict[str, Table] = {}
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        table: Table = {}
        sid = ""
        for row in re.findall(r"^\| (?!statement)(.*?) ?\| (.+?) \| .+ \|$", text, flags=re.MULTILINE):
            sid = row[0] or sid
            table.setdefault(sid, set()).update(ACTION.findall(row[1]))
        sections[heading] = table
    return sections


def in_the_template(stack: ResolvedStack) -> dict[str, Table]:
    sections: dict[str, Table] = {}
    for name, statements in [*policies_of_roles(stack), *resource_policies(stack)]:
        for statement in statements:
            sections.setdefault(name, {})[statement["Sid"]] = set(as_list(statement["Action"]))
    return sections


def test_the_page_and_the_template_agree(everything: ResolvedStack) -> None:
    page, template = on_the_page(), in_the_template(everything)
    assert set(page) == set(template)
    for name in template:
        assert page[name] == template[name], name


def test_a_policy_names_its_statements_once(everything: ResolvedStack) -> None:
    for name, statements in [*policies_of_roles(everything), *resource_policies(everything)]:
        sids = [statement["Sid"] for statement in statements]
        assert len(set(sids)) == len(sids), name
