"""The registered model that the winner would replace, scored on the same images by the same code.

The evaluation reports it and never fails over it: an old package may be gone or unreadable.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from artifact import Artifact, load_artifact, parse_reference
from candidate_evaluation import Evaluated
from champion_comparison import ChampionComparison
from job_failure import JobError


@dataclass(frozen=True)
class Champion:
    """The package `arn`, scored; or `evaluated` is None and `error` says what kept it from being scored."""

    arn: str
    evaluated: Evaluated | None
    error: str = ""

    def to_json(self, comparison: ChampionComparison | None) -> dict[str, Any]:
        """The value of `champion` in evaluation.json."""
        if self.evaluated is None or comparison is None:
            return {"arn": self.arn, "error": self.error}
        artifact = self.evaluated.artifact
        return {
            "arn": self.arn,
            "id": self.evaluated.id,
            "params": self.evaluated.params,
            "artifact_uri": artifact.reference.uri,
            "artifact_sha256": artifact.sha256,
            "data_digest": artifact.environment["data_digest"],
            **{f"{split}_accuracy": scores.accuracy for split, scores in self.evaluated.scores.items()},
            "comparison": comparison.to_json(),
        }

    def metadata(self, comparison: ChampionComparison | None) -> dict[str, str]:
        """What the registry's entry of the challenger says of the comparison."""
        if comparison is None:
            return {"champion": self.arn, "champion_scored": "false"}
        return {
            "champion": self.arn,
            "champion_scored": "true",
            "champion_test_accuracy": f"{comparison.champion_accuracy:.6f}",
            "champion_difference": f"{comparison.difference:+.6f}",
            "champion_p_value": f"{comparison.p_value:.4g}",
            "champion_only_right": str(comparison.champion_only),
            "challenger_only_right": str(comparison.challenger_only),
        }


def score_champion(
    sagemaker: Any, s3: Any, arn: str, work: Path, evaluate: Callable[[Artifact], Evaluated]
) -> Champion:
    """Describe, fetch, check and score the package `arn`."""
    try:
        package = sagemaker.describe_model_package(ModelPackageName=arn)
        container = package["InferenceSpecification"]["Containers"][0]
        uri = container.get("ModelDataUrl") or container["ModelDataSource"]["S3DataSource"]["S3Uri"]
        metadata = package.get("CustomerMetadataProperties", {})
        reference = parse_reference(f"{metadata['candidate']}-{metadata['seed']}={uri}")
        (work / "champion").mkdir()
        return Champion(arn, evaluate(load_artifact(s3, reference, work / "champion")))
    except (ClientError, BotoCoreError, JobError) as error:
        return Champion(arn, None, str(error))
    except (KeyError, IndexError, argparse.ArgumentTypeError) as error:
        reason = f"It is not a package that this pipeline registered ({type(error).__name__} {error})."
        return Champion(arn, None, reason)
