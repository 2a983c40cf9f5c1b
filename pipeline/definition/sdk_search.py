"""What `--tune` searches (search_space.py), as the SDK's objects."""

from __future__ import annotations

from typing import Any

from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, ParameterRange
from sagemaker.core.shapes import HyperbandStrategyConfig, HyperParameterTuningJobStrategyConfig

from pipeline.definition.search_space import SPACE


def sdk_ranges(strategy: str) -> dict[str, ParameterRange]:
    """The range of each hyperparameter; Grid takes lists alone."""
    found: dict[str, Any] = {}
    for each in SPACE:
        if strategy == "Grid" or each.values:
            found[each.name] = CategoricalParameter(list(each.grid if strategy == "Grid" else each.values))
        else:
            scale = "Logarithmic" if each.logarithmic else "Linear"
            found[each.name] = ContinuousParameter(each.low, each.high, scale)
    return found


def sdk_strategy(strategy: str) -> HyperParameterTuningJobStrategyConfig | None:
    """Hyperband's bounds: from one epoch to all, whose number the hyperparameter `epochs` tells."""
    if strategy != "Hyperband":
        return None
    return HyperParameterTuningJobStrategyConfig(
        hyperband_strategy_config=HyperbandStrategyConfig(min_resource=1)
    )
