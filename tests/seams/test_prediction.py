"""What `predict` and `serve` load is what training wrote and the evaluation registered, and says what it scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fashion_classes import CLASS_NAMES
from pipeline.inference.predicting.artifact import fetch_artifact
from pipeline.inference.predicting.models import AwsModels
from pipeline.inference.predicting.saved_model import SavedModel, classify
from pipeline.local.state.local_aws import LocalAws
from processed_data import open_processed
from tests.seams.conftest import Evaluated


def test_the_registered_model_gives_the_probabilities_that_the_evaluation_saved(
    evaluated: Evaluated, processed: Path, aws: LocalAws, tmp_path: Path
) -> None:
    models = AwsModels(aws.client("sagemaker"), aws.client("s3"), "seams")
    (package,) = models.packages()
    artifact = fetch_artifact(models, package, tmp_path)
    assert artifact.class_names == CLASS_NAMES
    data = open_processed(processed)
    pixels = data.manifest.normalization.restore(np.asarray(data.splits["test"].images)[..., 0])
    model = SavedModel(artifact.saved_model, "the winner")
    found = classify(model, pixels, len(CLASS_NAMES), "the winner")
    with np.load(evaluated.predictions, allow_pickle=False) as saved:
        expected = saved[f"probabilities_{evaluated.document['winner']['id']}_test"]
    assert np.abs(found - expected).max() < 1e-5
    assert package.metadata["artifact_sha256"] == artifact.sha256
