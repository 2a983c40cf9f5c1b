"""The SDK's HyperparameterTuner, with code addressed by content, and with what it leaves out of its trials' jobs.

A tuning job knows no command of a container, so trials run in script mode: the framework's container fetches an
archive and starts a script of it. sagemaker 3.27.0 packs that archive anew each time, beside drivers that are never
started there, under a prefix with the time in it; and it forgets isolation, traffic, keys and warm pools.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sagemaker.train.tuner import HyperparameterTuner

from pipeline.definition.code_archive import upload_archive


class ContentAddressedTuner(HyperparameterTuner):  # type: ignore[misc]
    """A HyperparameterTuner whose code goes to s3://<bucket>/<input_s3_key_prefix>/archive/sha256-<digest>/."""

    @classmethod
    def _prepare_model_trainer_for_tuning(
        cls, model_trainer: Any, inputs: Any = None, job_name: Any = None, **kwargs: Any
    ) -> None:
        """Uploads the code as the container wants it, and says where it is."""
        session, source = model_trainer.sagemaker_session, model_trainer.source_code
        uri = upload_archive(
            session.s3_client,
            Path(source.source_dir),
            session.default_bucket(),
            f"{model_trainer.input_s3_key_prefix}/archive",
        )
        model_trainer.hyperparameters["sagemaker_program"] = source.entry_script
        model_trainer.hyperparameters["sagemaker_submit_directory"] = uri

    def _build_training_job_definition(self, inputs: Any) -> Any:
        """The SDK's definition, and what it leaves out."""
        definition = super()._build_training_job_definition(inputs)
        trainer = self.model_trainer
        if (network := trainer.networking) is not None:
            definition.enable_network_isolation = network.enable_network_isolation
            encrypts = network.enable_inter_container_traffic_encryption
            definition.enable_inter_container_traffic_encryption = encrypts
        if trainer.compute.volume_kms_key_id:
            definition.resource_config.volume_kms_key_id = trainer.compute.volume_kms_key_id
        if trainer.compute.keep_alive_period_in_seconds:
            kept = trainer.compute.keep_alive_period_in_seconds
            definition.resource_config.keep_alive_period_in_seconds = kept
        return definition
