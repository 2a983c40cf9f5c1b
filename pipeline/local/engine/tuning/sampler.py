"""What a search tries next, and which of its trials are not worth going on with: Optuna's samplers and pruners.

Everything follows from the seed, the trial's number and what is known of the other trials: a study is made of them
for each question, and forgotten. So a search that is resumed proposes what it would have proposed, had its trials
ended in the same order. A sampler that lives on, as Optuna has it, would begin its random numbers again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pipeline.formatting import plural
from pipeline.local.engine.tuning.trial import Trial
from pipeline.spec.tuning import Range, Search

# Hyperband: each rung is so many times as long as the one before, and so small a share of its trials gets there.
REDUCTION = 3
# Trials at random before the first that is modelled: a share of the budget, within these.
_FEWEST_AT_RANDOM, _MOST_AT_RANDOM = 3, 10
# Early stopping compares with so many trials at least that have ended.
LEAST_COMPARED = 3
_STUDY = "search"


def propose(search: Search, place: int, trials: Sequence[Trial]) -> dict[str, str]:
    """The hyperparameters, as texts, of the family's next trial; `trials` are all of this family before it."""
    family = search.families[place]
    optuna = _optuna()
    if search.strategy == "Grid":
        grid = {each.name: list(each.values) for each in family.ranges}
        sampler = optuna.samplers.GridSampler(grid, seed=_seed(search.seed, place))
    elif search.strategy == "Random":
        sampler = optuna.samplers.RandomSampler(seed=_seed(search.seed, place, len(trials)))
    else:
        share = search.trials // len(search.families) // 3
        sampler = optuna.samplers.TPESampler(
            seed=_seed(search.seed, place, len(trials)),
            n_startup_trials=max(_FEWEST_AT_RANDOM, min(_MOST_AT_RANDOM, share)),
        )
    study = _study(search, sampler)
    distributions = {each.name: _distribution(each) for each in family.ranges}
    if search.strategy != "Random":  # which learns nothing from them
        study.add_trials([_known(trial, family.ranges, distributions) for trial in trials])
    asked = study.ask(distributions)
    return {each.name: _text(each, asked.params[each.name]) for each in family.ranges}


def falls_behind(search: Search, trial: Trial, trials: Sequence[Trial]) -> str | None:
    """Why the trial is to end now that it has told one more value of the objective; None: it is to go on.

    `trials` are all of its family, in order of their numbers.
    """
    if search.max_resource is not None:
        return _behind_in_hyperband(search, trial, trials, search.max_resource)
    return _behind_median(search, trial, trials) if search.early_stopping else None


def _behind_in_hyperband(search: Search, trial: Trial, trials: Sequence[Trial], most: int) -> str | None:
    """Optuna's asynchronous Hyperband: a trial ends at a rung where it is not among the best that got there."""
    told = len(trial.log.values)
    if told > most:
        return f"after {most} values of {search.metric}, the most for one trial (MaxResource)"
    rungs = {search.min_resource * REDUCTION**rung for rung in range(most.bit_length() + 1)}
    if told not in rungs or told == most:
        return None
    study = _study(search, _optuna().samplers.RandomSampler(seed=0))
    asked = [study.ask() for _ in trials]
    behind = False
    # The trial itself comes last: what the others have reached is known by then.
    for other in [*(each for each in trials if each is not trial), trial]:
        for step, value in enumerate(list(other.log.values), start=1):
            asked[other.index].report(value, step)
            behind = asked[other.index].should_prune()
    if not behind:
        return None
    values = f"{plural(told, 'value')} of {search.metric}"
    return f"after {values} it is not among the best third of its rung (Hyperband)"


def _behind_median(search: Search, trial: Trial, trials: Sequence[Trial]) -> str | None:
    """Developer guide, "Stop training jobs early": a value worse than the median of the running averages that the
    trials before had after as many values."""
    import statistics

    told = len(trial.log.values)
    averages = [
        statistics.fmean(other.log.values[:told])
        for other in trials
        if other.end == "Completed" and len(other.log.values) >= told
    ]
    if len(averages) < LEAST_COMPARED:
        return None
    value, median = trial.log.values[-1], statistics.median(averages)
    if not search.better(median, value):
        return None
    return (
        f"after {plural(told, 'value')} its {search.metric} of {value:g} is worse than {median:g}, the median of "
        f"{len(averages)} trials' running averages (early stopping)"
    )


@cache
def _optuna() -> Any:
    # Its import takes half a second. Each setting of its verbosity makes all loggers of the process forget theirs.
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _study(search: Search, sampler: Any) -> Any:
    optuna = _optuna()
    pruner = optuna.pruners.NopPruner()
    if search.max_resource is not None:
        pruner = optuna.pruners.HyperbandPruner(search.min_resource, search.max_resource, REDUCTION)
    direction = "maximize" if search.maximize else "minimize"
    # The name decides a trial's bracket; one that is left out is random.
    return optuna.create_study(study_name=_STUDY, direction=direction, sampler=sampler, pruner=pruner)


def _seed(*numbers: int) -> int:
    """A seed of 32 bits that depends on all of the numbers."""
    return int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:4], "big")


def _known(trial: Trial, ranges: Sequence[Range], distributions: Mapping[str, Any]) -> Any:
    """The trial as Optuna keeps it. One that ended without a value that can be compared counts as failed."""
    optuna = _optuna()
    states = optuna.trial.TrialState
    values = dict(enumerate(trial.log.values, start=1))
    told = trial.value is not None and not math.isnan(trial.value)
    state = {
        None: states.RUNNING,
        "Completed": states.COMPLETE if told else states.FAIL,
        "Stopped": states.PRUNED if values else states.FAIL,
        "Failed": states.FAIL,
    }[trial.end]
    return optuna.trial.create_trial(
        state=state,
        value=trial.value if state == states.COMPLETE else None,
        params={each.name: _value(each, trial.tuned[each.name]) for each in ranges},
        distributions=dict(distributions),
        # What a trial has told so far depends on the moment; only that it runs does not.
        intermediate_values={} if state == states.RUNNING else values,
    )


def _distribution(each: Range) -> Any:
    distributions = _optuna().distributions
    if each.kind == "Categorical":
        return distributions.CategoricalDistribution(each.values)
    if each.kind == "Integer":
        return distributions.IntDistribution(int(each.low), int(each.high), log=each.scaling == "Logarithmic")
    if each.scaling == "ReverseLogarithmic":
        # Values near 1 are told apart best: 1 minus the value is logarithmic.
        return distributions.FloatDistribution(1 - each.high, 1 - each.low, log=True)
    return distributions.FloatDistribution(each.low, each.high, log=each.scaling == "Logarithmic")


def _text(each: Range, value: Any) -> str:
    """A value that Optuna chose, as a hyperparameter."""
    if each.kind == "Categorical":
        return str(value)
    if each.kind == "Integer":
        return str(int(value))
    number = 1 - value if each.scaling == "ReverseLogarithmic" else value
    # Rounding must not lead out of the range.
    return repr(float(min(max(number, each.low), each.high)))


def _value(each: Range, text: str) -> Any:
    """The value of Optuna's that `text` was made of, within its distribution."""
    if each.kind == "Categorical":
        return text
    if each.kind == "Integer":
        return int(text)
    if each.scaling == "ReverseLogarithmic":
        return min(max(1 - float(text), 1 - each.high), 1 - each.low)
    return float(text)
