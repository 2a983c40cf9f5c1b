"""The choices on the command line that the definition is compiled for: what is trained, and on which machines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from pipeline.definition.candidates import DEFAULT_CANDIDATES, find_candidates
from pipeline.definition.search_space import MOST_TRIALS, check_search
from pipeline.definition.settings import MAX_INSTANCES, Choices
from pipeline.errors import UsageError

MAX_SEEDS = 20
MAX_TRAININGS = 80  # Evaluate has a hundred arguments at most, and one of them for each training

# The flags about SageMaker's machines and network, with what they are when nobody says them.
MACHINE_FLAGS: Mapping[str, object] = {
    "--spot": False,
    "--warm-pool-seconds": 0,
    "--subnets": "",
    "--security-groups": "",
    "--kms-key": "",
    "--isolate": False,
    "--encrypt-traffic": False,
    "--tag": [],
}


def flags_given(args: argparse.Namespace, flags: Mapping[str, object]) -> dict[str, object]:
    """Those of `flags` that are not what they are by default, with their values."""
    values = {flag: getattr(args, flag.removeprefix("--").replace("-", "_")) for flag in flags}
    return {flag: value for flag, value in values.items() if value != flags[flag]}


def compile_choices(args: argparse.Namespace, given: Mapping[str, object] | None = None) -> Choices:
    """All choices in the arguments, as fields of Settings, which checks what goes together.

    `given` are the parameters' values, by name: their instance types decide which volumes --kms-key can encrypt.
    Raises UsageError for an unknown candidate, a wrong number or a malformed tag.
    """
    choices: Choices = {
        **graph_choices(args),
        "spot": args.spot,
        "warm_pool_seconds": args.warm_pool_seconds,
        "instance_preferences": words(args.instance_types, "--instance-types"),
        "subnets": words(args.subnets, "--subnets"),
        "security_groups": words(args.security_groups, "--security-groups"),
        "kms_key": args.kms_key,
        "network_isolation": args.isolate,
        "encrypt_traffic": args.encrypt_traffic,
        "tags": tuple(parse_tag(tag) for tag in args.tag),
        "mlflow_app": mlflow_app(args.mlflow),
    }
    if preferred := choices["instance_preferences"]:
        if "TrainingInstanceType" in (given or {}):
            raise UsageError(
                f"--instance-types {args.instance_types} says what trainings run on, and so does the parameter "
                "TrainingInstanceType. Leave one of them out."
            )
        choices["training_instance_type"] = preferred[0]
    if args.kms_key and given is not None:
        if "TrainingInstanceType" in given:
            choices["training_instance_type"] = str(given["TrainingInstanceType"])
        if "ProcessingInstanceType" in given:
            choices["processing_instance_type"] = str(given["ProcessingInstanceType"])
    return choices


def mlflow_app(where: str | None) -> str:
    """The MLflow app or tracking server of SageMaker that --mlflow names; "" for any other place, and none."""
    if where is None:
        return ""
    from pipeline.tracking.place import is_arn

    return where if is_arn(where) else ""


def graph_choices(args: argparse.Namespace) -> Choices:
    """Candidates, seeds and a training job's instances, out of the arguments.

    Raises UsageError for an unknown candidate or a wrong number.
    """
    names, fewer = candidates_of(",".join(DEFAULT_CANDIDATES))
    if args.candidates is not None:
        names, fewer = candidates_of(args.candidates)
    find_candidates(names)
    if not 1 <= args.seeds <= MAX_SEEDS:
        raise UsageError(
            f"--seeds {args.seeds} is not a number from 1 to {MAX_SEEDS}. Each candidate is trained once "
            "under each seed."
        )
    for name, count in fewer.items():
        if count > args.seeds:
            raise UsageError(
                f"--candidates {name}:{count} asks for more seeds than the others get, which is {args.seeds}. Say "
                f"--seeds {count} or more, or give {name} fewer."
            )
    trainings = sum(fewer.get(name, args.seeds) for name in names)
    if trainings > MAX_TRAININGS:
        raise UsageError(
            f"{trainings} trainings of {len(names)} candidates are too many: the evaluation can compare "
            f"{MAX_TRAININGS}. Choose fewer candidates or seeds."
        )
    if not 1 <= args.instances <= MAX_INSTANCES:
        raise UsageError(
            f"--instances {args.instances}: a training job has 1 to {MAX_INSTANCES}. They share every "
            "batch; one is the default."
        )
    if args.tune is not None and args.tune < 1:
        raise UsageError(f"--tune takes 1 to {MOST_TRIALS} trials for each candidate (got {args.tune}).")
    if args.tune is None and args.tune_strategy is not None:
        raise UsageError(
            f"--tune-strategy {args.tune_strategy} goes with --tune N, the number of trials for each candidate."
        )
    strategy = args.tune_strategy or "Bayesian"
    check_search(args.tune or 0, strategy)
    return {
        "candidates": names,
        "seeds": tuple(range(args.seeds)),
        "fewer_seeds": tuple(fewer.items()),
        "tune": args.tune or 0,
        "tune_strategy": strategy,
        "training_instance_count": args.instances,
        "precision": args.precision,
    }


def candidates_of(listed: str) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names in a list A,B:N,…, and the N of those that have one: under how many seeds they are trained.

    Raises UsageError where N is no number of seeds, or nothing stands between two commas.
    """
    names, fewer = [], {}
    for word in words(listed, "--candidates") if listed.strip(" ,") else ():
        name, sign, count = word.partition(":")
        names.append(name)
        if sign:
            if count not in map(str, range(1, MAX_SEEDS + 1)):
                raise UsageError(
                    f"--candidates {word}: NAME:N trains NAME under N seeds; N is a whole number from 1 to "
                    f"{MAX_SEEDS}."
                )
            fewer[name] = int(count)
    return tuple(names), fewer


def words(listed: str, flag: str) -> tuple[str, ...]:
    """The parts of a list with commas, the value of `flag`; none of an empty one.

    Raises UsageError where nothing stands before or after a comma.
    """
    parts = tuple(part.strip() for part in listed.split(","))
    if parts == ("",):
        return ()
    if "" in parts:
        raise UsageError(
            f"{flag} {listed}: there is nothing before or after one of its commas. Name what is missing there, or "
            "remove the comma."
        )
    return parts


def parse_tag(text: str) -> tuple[str, str]:
    """KEY=VALUE, taken apart. Raises UsageError without an =."""
    key, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"--tag {text!r} is not KEY=VALUE. For example: --tag CostCenter=1234")
    return key.strip(), value.strip()
