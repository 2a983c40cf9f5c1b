"""The registered model that the winner would replace, scored on the same images by the same code.

The evaluation reports it and never fails over it: an old package may be gone or unreadable.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from artifact import Artifact, load_artifact, parse_reference
from candidate_evaluation import Evaluated
from job_failure import JobError


def score_champion(
    sagemaker: Any, s3: Any, arn: str, work: Path, evaluate: Callable[[Artifact], Evaluated]
) -> dict[str, Any]:
    """The value of `champion` in evaluation.json: its accuracies, or the error that kept it from being scored."""
    try:
        package = sagemaker.describe_model_package(ModelPackageName=arn)
        uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        metadata = package.get("CustomerMetadataProperties", {})
        reference = parse_reference(f"{metadata['candidate']}-{metadata['seed']}={uri}")
        (work / "champion").mkdir()
        champion = evaluate(load_artifact(s3, reference, work / "champion"))
    except (ClientError, BotoCoreError, JobError) as error:
        return {"arn": arn, "error": str(error)}
    except (KeyError, IndexError, argparse.ArgumentTypeError) as error:
        return {
            "arn": arn,
            "error": f"Expected a package that this pipeline registered. Received: {type(error).__name__} {error}.",
        }
    return {
        "arn": arn,
        "id": champion.id,
        "params": champion.params,
        "artifact_uri": uri,
        "artifact_sha256": champion.artifact.sha256,
        "data_digest": champion.artifact.environment["data_digest"],
        **{f"{split}_accuracy": scores.accuracy for split, scores in champion.scores.items()},
    }
