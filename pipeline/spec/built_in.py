"""SageMaker's built-in algorithms, as far as they are known without their images: names, and metrics in logs."""

from __future__ import annotations

import re

_XGBOOST_REPOSITORIES = ("sagemaker-xgboost", "xgboost")
# Developer guide, "Tune an XGBoost Model": metrics are named <channel>:<metric>; XGBoost writes a dash.
_XGBOOST_METRIC = re.compile(r"(train|validation):([a-z0-9@._-]+)")


def is_xgboost(image: str) -> bool:
    """Whether `image` is SageMaker's own of XGBoost, by the name of its repository."""
    return repository_of(image) in _XGBOOST_REPOSITORIES


def repository_of(image: str) -> str:
    """The name of an image's repository, without registry, tag and digest."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def metric_regex(image: str, metric: str) -> str | None:
    """The regular expression by which the built-in algorithm's log tells `metric`; None: nobody knows it here."""
    found = _XGBOOST_METRIC.fullmatch(metric)
    if found is None or not is_xgboost(image):
        return None
    return rf"\b{found[1]}-{re.escape(found[2])}:(\S+)"
