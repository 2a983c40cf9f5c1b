"""Named rules: what AWS documents about pipelines and jobs, and neither botocore nor what checks local runs says.

A rule is a function whose name is the rule's name (with hyphens) and whose docstring says what AWS documents, and
where. A step rule takes one step, its arguments with values in place of expressions; a definition rule takes the
whole definition and the given parameter values. Both yield (JSON path, message) for each thing that is wrong.

To add a rule, write the function, put it into its module's tuple, and give the module's test in
tests/pipeline/spec/validation/rules a change that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.validation.rules import (
    caching,
    containers,
    flow,
    network,
    parameters,
    processing,
    registration,
    steps,
    storage,
    training,
)

Found = tuple[str, str]
StepRule = Callable[[Step], Iterator[Found]]
DefinitionRule = Callable[[Definition, Mapping[str, Json]], Iterator[Found]]

DEFINITION_RULES: tuple[DefinitionRule, ...] = (
    *parameters.RULES,
    *steps.DEFINITION_RULES,
    *flow.DEFINITION_RULES,
    *caching.DEFINITION_RULES,
)

RULES_FOR_EVERY_STEP: tuple[StepRule, ...] = (
    *steps.RULES,
    *containers.RULES,
    *storage.RULES,
    *network.RULES,
)

RULES_BY_STEP_TYPE: Mapping[str, tuple[StepRule, ...]] = {
    "Processing": processing.RULES,
    "Training": training.RULES,
    "RegisterModel": registration.RULES,
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


def check_whole(definition: Definition, given: Mapping[str, Json], findings: Findings) -> None:
    """Notes what the rules for the whole find, with the parameter values `given`."""
    for rule in DEFINITION_RULES:
        _note(rule, rule(definition, given), findings)


def check_step(step: Step, findings: Findings) -> None:
    """Notes what the rules for steps find in `step`, whose arguments hold values in place of expressions."""
    for rule in (*RULES_FOR_EVERY_STEP, *RULES_BY_STEP_TYPE.get(step.type, ())):
        _note(rule, rule(step), findings)


def _note(rule: StepRule | DefinitionRule, found: Iterable[Found], findings: Findings) -> None:
    for path, message in found:
        findings.add(path, message, "nobody" if rule in ADVICE else "service", rule_name(rule))
