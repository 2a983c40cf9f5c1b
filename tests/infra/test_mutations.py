"""Each property bites: a template with a regression in it is not taken for a good one."""

from __future__ import annotations

from copy import deepcopy

import pytest

from infra.resolving import resolve_template
from infra.template import Template
from tests.infra.regressions.all_mutations import MUTATIONS
from tests.infra.regressions.mutation import Mutation
from tests.infra.security.accepted_values import (
    ACCEPTED,
    parameters_accept_what_they_are_for_and_nothing_else,
)
from tests.infra.security.all_properties import PROPERTIES
from tests.infra.security.properties import EVERYTHING

BY_NAME = {check.__name__: check for check in PROPERTIES}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_regression_is_noticed_when(mutation: Mutation, template: Template) -> None:
    mutated = deepcopy(template)
    mutation.change(mutated["Resources"])
    assert mutated != template
    assert list(BY_NAME[mutation.noticed_by](resolve_template(mutated, EVERYTHING)))


def test_every_property_has_a_regression_that_it_notices() -> None:
    # Outputs are no matter of security, and the log bucket's own encryption has one possible value.
    without = {
        "the_command_line_finds_what_it_needs",
        "the_log_bucket_is_encrypted",
        "parameters_accept_what_they_are_for_and_nothing_else",  # below: mutations are of resources
    }
    assert set(BY_NAME) - {mutation.noticed_by for mutation in MUTATIONS} == without


def test_there_are_enough_regressions_and_each_is_there_once() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names) >= 100


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_a_pattern_that_accepts_anything_is_noticed(name: str, template: Template) -> None:
    for pattern in (".*", "^.+$", None):
        mutated = deepcopy(template)
        parameter = mutated["Parameters"][name]
        parameter.pop("AllowedPattern") if pattern is None else parameter.update(AllowedPattern=pattern)
        stack = resolve_template(mutated, EVERYTHING)
        assert any(name in line for line in parameters_accept_what_they_are_for_and_nothing_else(stack)), (
            pattern
        )
