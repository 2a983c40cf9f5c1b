"""Named rules: what AWS documents about pipelines and jobs but the model of its API does not say.

A rule is a function whose name is the rule's name (with hyphens) and whose docstring says what AWS documents, and
where. A step rule takes one step, its arguments with values in place of expressions; a definition rule takes the
whole document and the given parameter values. Both yield (JSON path, message) for each thing that is wrong.

To add a rule, write the function, put it into its module's tuple, and give the module's test in
tests/pipeline/spec/validation/rules a change that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pipeline.spec.validation.document import Document, Json, Step
from pipeline.spec.validation.problem import Problem
from pipeline.spec.validation.rules import (
    caching,
    containers,
    flow,
    network,
    parameters,
    processing,
    registration,
    retries,
    steps,
    storage,
    training,
)

Finding = tuple[str, str]
StepRule = Callable[[Step], Iterator[Finding]]
DefinitionRule = Callable[[Document, Mapping[str, Json]], Iterator[Finding]]

DEFINITION_RULES: tuple[DefinitionRule, ...] = (
    *parameters.RULES,
    *steps.DEFINITION_RULES,
    *flow.DEFINITION_RULES,
)

RULES_FOR_EVERY_STEP: tuple[StepRule, ...] = (
    *steps.RULES,
    *caching.RULES,
    *retries.RULES,
    *containers.RULES,
    *storage.RULES,
    *network.RULES,
)

RULES_BY_STEP_TYPE: Mapping[str, tuple[StepRule, ...]] = {
    "Processing": processing.RULES,
    "Training": training.RULES,
    "RegisterModel": registration.RULES,
    "Condition": flow.CONDITION_RULES,
    "Fail": flow.FAIL_RULES,
}


# What this project asks of a definition beyond what the service does: sound, but refused by nobody.
ADVICE: frozenset[StepRule | DefinitionRule] = frozenset(
    {
        flow.missed_gate_fails,
        caching.cache_key_has_no_execution_id,
        caching.cached_outputs_carry_the_execution_id,
        network.isolated_jobs_reach_nothing,
        parameters.default_texts_are_not_empty,
        storage.s3_keys_have_no_empty_parts,
        training.metrics_capture_a_value,
        training.spot_needs_checkpoints,
    }
)


def rule_name(rule: StepRule | DefinitionRule) -> str:
    """The name under which a rule reports."""
    return rule.__name__.replace("_", "-")


def check_rules(document: Document, given: Mapping[str, Json]) -> list[Problem]:
    """What the named rules find in `document`, whose steps' arguments hold values in place of expressions."""
    problems = [
        Problem(None, path, rule_name(rule), message)
        for rule in DEFINITION_RULES
        for path, message in rule(document, given)
    ]
    for step in document.steps:
        for rule in (*RULES_FOR_EVERY_STEP, *RULES_BY_STEP_TYPE.get(step.type, ())):
            problems += [Problem(step.name, path, rule_name(rule), message) for path, message in rule(step)]
    return problems
