"""What a job's request asks of AWS's machines and network that a local job does without: said in its log."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.spec.definition import Json
from pipeline.spec.places import values_at

# Where it stands in a Create…Job request, and what is said of it.
_LEFT_OUT = (
    ("EnableManagedSpotTraining", "spot instances (checkpoints are kept all the same)"),
    ("ResourceConfig.KeepAlivePeriodInSeconds", "a warm pool"),
    ("ResourceConfig.VolumeKmsKeyId", "an encrypted volume"),
    ("ProcessingResources.ClusterConfig.VolumeKmsKeyId", "an encrypted volume"),
    ("TransformResources.VolumeKmsKeyId", "an encrypted volume"),
    ("OutputDataConfig.KmsKeyId", "encrypted outputs"),
    ("TransformOutput.KmsKeyId", "encrypted outputs"),
    ("ProcessingOutputConfig.KmsKeyId", "encrypted outputs"),
    ("DebugRuleConfigurations", "rules of the debugger"),
    ("ProfilerRuleConfigurations", "rules of the profiler"),
    ("TensorBoardOutputConfig", "data for TensorBoard"),
    ("ExperimentConfig", "a trial of an experiment"),
    ("MlflowConfig", "a run in MLflow"),
    ("VpcConfig", "a VPC"),
    ("NetworkConfig.VpcConfig", "a VPC"),
    ("EnableNetworkIsolation", "isolation from the network"),
    ("NetworkConfig.EnableNetworkIsolation", "isolation from the network"),
    ("EnableInterContainerTrafficEncryption", "encrypted traffic between hosts"),
    ("NetworkConfig.EnableInterContainerTrafficEncryption", "encrypted traffic between hosts"),
)


def left_out(request: Mapping[str, Json]) -> str | None:
    """One line that names what `request` asks for and a local job does not have, None when there is nothing."""
    found = [
        name
        for place, name in _LEFT_OUT
        if any(value for _, value in values_at(request, place.split("."), ""))
    ]
    return f"not done here, but on SageMaker: {', '.join(found)}" if found else None
