"""The winner's scores in the schema that SageMaker's Model Registry and Model Monitor show.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html, "Multiclass
metrics".
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from scoring import per_class_scores

RESAMPLES = 200
SEED = 0


def multiclass_metrics(confusion: npt.NDArray[np.int64], class_names: tuple[str, ...]) -> dict[str, Any]:
    """The value of `multiclass_classification_metrics` from a confusion matrix (true class by predicted class).

    Weighted scores are means over the classes, weighted by support. The standard deviation is that of the score
    over 200 seeded resamples of the images, with replacement (Model Monitor takes it over subsamples).
    """
    total = int(confusion.sum())
    resamples = np.random.default_rng(SEED).multinomial(total, confusion.reshape(-1) / total, size=RESAMPLES)
    drawn = [_weighted(resample.reshape(confusion.shape)) for resample in resamples]
    return {
        "confusion_matrix": {
            true: {predicted: int(confusion[row, column]) for column, predicted in enumerate(class_names)}
            for row, true in enumerate(class_names)
        },
        **{
            name: {"value": value, "standard_deviation": float(np.std([one[name] for one in drawn], ddof=1))}
            for name, value in _weighted(confusion).items()
        },
    }


def _weighted(confusion: npt.NDArray[np.int64]) -> dict[str, float]:
    total = int(confusion.sum())
    classes = per_class_scores(confusion)
    return {
        "accuracy": int(np.trace(confusion)) / total,
        "weighted_precision": sum(one.precision * one.support for one in classes) / total,
        "weighted_recall": sum(one.recall * one.support for one in classes) / total,
        "weighted_f1": sum(one.f1 * one.support for one in classes) / total,
    }
