"""What is wrong with the ranges of a Tuning step, beyond their form: noted before anything runs.

Values that are expressions are looked at once they have a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from pipeline.shown import listed, shown
from pipeline.spec.definition import Json
from pipeline.spec.expressions import is_expression
from pipeline.spec.tuning import KINDS, Range, combinations, ranges_of

# Developer guide, "Automatic model tuning resource limits": the default quota of an account.
MOST_TRIALS = 750
_CONFIG = "HyperParameterTuningJobConfig"


def range_problems(
    config: Mapping[str, Json], place: str, definition: Mapping[str, Json], *, grid: bool
) -> Iterator[tuple[str, str]]:
    """Each problem of the ranges that a definition, which stands at `place`, has or takes from `config`."""
    own = bool(definition.get("HyperParameterRanges"))
    at = f"{place}.HyperParameterRanges" if own else f"{_CONFIG}.ParameterRanges"
    ranges = ranges_of(config, definition)
    static = definition.get("StaticHyperParameters")
    static = static if isinstance(static, Mapping) else {}
    seen: set[str] = set()
    for member, kind in KINDS.items():
        entries: Json = ranges.get(member) or []
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            here = f"{at}.{member}[{index}]"
            name = entry.get("Name") if isinstance(entry, Mapping) else None
            if not isinstance(name, str):
                if isinstance(entry, Mapping) and name is None:
                    yield f"{here}.Name", "missing."
                continue
            if name in seen:
                yield f"{here}.Name", f"{shown(name)} is tuned twice: keep one of its ranges."
            if name in static:
                yield (
                    f"{here}.Name",
                    f"{shown(name)} is both tuned and in StaticHyperParameters: remove one.",
                )
            seen.add(name)
            if kind == "Categorical":
                yield from _categories(entry, here)
            else:
                yield from _bounds(entry, here, whole=kind == "Integer")
            if grid and kind != "Categorical":
                yield here, "the strategy Grid accepts only categorical ranges: list the values to try."
    if not seen:
        yield at, "there is nothing to tune: give at least one range."


def _categories(entry: Mapping[str, Json], here: str) -> Iterator[tuple[str, str]]:
    values = entry.get("Values")
    if values is None or values == []:
        yield f"{here}.Values", "the range is empty: list at least one value."
    if not isinstance(values, list):
        return
    texts = [value for value in values if isinstance(value, str)]
    if len(set(texts)) < len(texts):
        twice = listed(sorted({value for value in texts if texts.count(value) > 1}))
        yield f"{here}.Values", f"these values are listed twice: {twice}."


def _bounds(entry: Mapping[str, Json], here: str, *, whole: bool) -> Iterator[tuple[str, str]]:
    found: dict[str, float] = {}
    for key in ("MinValue", "MaxValue"):
        text = entry.get(key)
        if is_expression(text):
            return
        number = _number(text, whole=whole)
        if number is None:
            kind = "whole number" if whole else "number"
            yield f"{here}.{key}", f"must be a {kind}, written as a string, not {shown(text)}."
        else:
            found[key] = number
    scaling = entry.get("ScalingType")
    if len(found) < 2 or is_expression(scaling):
        return
    low, high = found["MinValue"], found["MaxValue"]
    if low > high:
        yield f"{here}.MinValue", f"the range is empty: {low:g} is above MaxValue={high:g}."
    if scaling == "Logarithmic" and low <= 0:
        yield (
            f"{here}.MinValue",
            f"a logarithmic range must begin above 0, not at {shown(entry['MinValue'])}.",
        )
    if scaling == "ReverseLogarithmic":
        if whole:
            yield f"{here}.ScalingType", "only a range of continuous values can be reverse logarithmic."
        elif not 0 <= low <= high < 1:
            yield (
                f"{here}.MaxValue",
                f"a reverse logarithmic range must lie from 0 to below 1, not from {low:g} to {high:g}.",
            )


def _number(text: Json, *, whole: bool) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        number = float(int(text)) if whole else float(text)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def grid_problems(
    config: Mapping[str, Json], definitions: list[Mapping[str, Json]]
) -> Iterator[tuple[str, str]]:
    """Developer guide, "Grid search": the number of trials, if it is given, is that of the combinations."""
    count = 0
    for definition in definitions:
        entries = ranges_of(config, definition).get("CategoricalParameterRanges") or []
        if not isinstance(entries, list) or not all(
            isinstance(entry, Mapping) and isinstance(entry.get("Values"), list) for entry in entries
        ):
            return
        count += combinations(
            tuple(Range("", "Categorical", values=tuple(map(str, entry["Values"]))) for entry in entries)
        )
    limits = config.get("ResourceLimits")
    wanted = limits.get("MaxNumberOfTrainingJobs") if isinstance(limits, Mapping) else None
    place = f"{_CONFIG}.ResourceLimits.MaxNumberOfTrainingJobs"
    if type(wanted) is int and wanted != count:
        yield (
            place,
            f"the grid has {count} combinations, not {wanted}: ask for that many trials, or leave the number "
            "out.",
        )
    elif wanted is None and count > MOST_TRIALS:
        yield place, f"the grid has {count:,} combinations, more than the {MOST_TRIALS} trials allowed."
