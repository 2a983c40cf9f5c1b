"""Builds the one pipeline definition, for every target.

    NormalizeData → Train-<candidate>-<seed> … → Evaluate → QualityGate ─ met ─→ (done)
                                                                       └ missed → GateMissed (Fail)

Building it uploads the code (addressed by its content) and has no other effect; equal inputs give equal bytes.
Outputs carry the execution's id; what SageMaker's step cache compares (arguments, environment, hyperparameters,
inputs, checkpoint location) never does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagemaker.core.processing import Processor
from sagemaker.core.shapes.shapes import MlflowConfig
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep, TuningStep
from sagemaker.train.configs import (
    CheckpointConfig,
    InputData,
    MetricDefinition,
    OutputDataConfig,
    SourceCode,
)

from pipeline.definition.candidates import Candidate, find_candidates
from pipeline.definition.code_upload import digest_of_code, upload_code
from pipeline.definition.parameters import PARAMETERS, PipelineParameter
from pipeline.definition.sdk_machines import (
    processing_network,
    training_compute,
    training_limits,
    training_network,
    training_tags,
    volume_key,
)
from pipeline.definition.sdk_parameters import make_parameters, tensorflow_image
from pipeline.definition.sdk_policies import CACHE, RETRIES
from pipeline.definition.sdk_processing import processing_input, processing_output
from pipeline.definition.sdk_search import sdk_ranges, sdk_strategy
from pipeline.definition.search_space import (
    AT_ONCE,
    OBJECTIVE,
    SEARCH_SEED,
    SEED_OF_TRIALS,
    names,
    without_tuned,
)
from pipeline.definition.settings import PROJECT, TUNED_MODELS, Settings
from pipeline.definition.trainer import ContentAddressedTrainer
from pipeline.definition.tuner import ContentAddressedTuner

ROOT = Path(__file__).resolve().parents[2]
PROCESSING_CODE = ROOT / "processing"
TRAINING_CODE = ROOT / "training"

SPLIT_SEED = "20170825"  # the day Fashion-MNIST was published
VALIDATION_ONE_IN = "12"  # 5,000 of the 60,000 training images

# What training/train.py prints once an epoch; SageMaker's console and the live view read it with these.
METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "images_per_second")
METRIC_DEFINITIONS = tuple({"name": metric, "regex": rf"\b{metric}=([0-9.eE+-]+)"} for metric in METRICS)


class DefinitionBuilder:
    """Makes the steps; holds only what all of them need. `declared` are the pipeline's parameters."""

    declared: Sequence[PipelineParameter] = PARAMETERS

    def __init__(self, settings: Settings, session: PipelineSession) -> None:
        self.settings = settings
        self.session = session
        self.parameters = make_parameters(settings, self.declared)
        self.uploaded: set[str] = set()
        self.processing_code = upload_code(
            session.s3_client, PROCESSING_CODE, settings.bucket, f"{PROJECT}/code/processing"
        )

    def execution_uri(self, *parts: str) -> Join:
        """An S3 URI under this execution's own prefix."""
        return Join(
            on="/",
            values=[self.settings.uri("executions"), ExecutionVariables.PIPELINE_EXECUTION_ID, *parts],
        )

    def processor(self, step: str, script: str, role: str, *, calls_aws: bool) -> Processor:
        """A Processor that runs `script` of the processing folder as `step`."""
        settings = self.settings
        return Processor(
            role=role,
            image_uri=self.parameters["ProcessingImageUri"],
            instance_count=1,
            instance_type=self.parameters["ProcessingInstanceType"],
            entrypoint=["python3", f"/opt/ml/processing/code/{script}"],
            volume_kms_key=volume_key(settings, settings.processing_instance_type),
            output_kms_key=settings.kms_key or None,
            max_runtime_in_seconds=settings.processing_max_runtime_seconds,
            base_job_name=PROJECT,
            network_config=processing_network(settings, calls_aws=calls_aws),
            tags=settings.cost_tags(Step=step),
            sagemaker_session=self.session,
        )

    def normalize_step(self) -> ProcessingStep:
        """Checks and normalizes the data set; writes the processed format with its manifest."""
        arguments = {
            "--input": "/opt/ml/processing/input/raw",
            "--output": "/opt/ml/processing/output/processed",
            "--validation-one-in": VALIDATION_ONE_IN,
            "--split-seed": SPLIT_SEED,
            "--exit-message": "/opt/ml/output/message",
        }
        processor = self.processor("NormalizeData", "normalize.py", self.settings.job_role, calls_aws=False)
        request = processor.run(
            inputs=[
                processing_input("code", self.processing_code, "/opt/ml/processing/code"),
                processing_input("raw", self.parameters["InputDataUri"], "/opt/ml/processing/input/raw"),
            ],
            outputs=[
                processing_output(
                    "processed", self.execution_uri("processed"), "/opt/ml/processing/output/processed"
                )
            ],
            arguments=[word for pair in arguments.items() for word in pair],
        )
        return ProcessingStep(
            "NormalizeData",
            request,
            description="Checks Fashion-MNIST, splits off validation, normalizes, writes a manifest.",
            cache_config=CACHE,
            retry_policies=list(RETRIES),
        )

    def trainer(
        self, name: str, step: str, candidate: Candidate, hyperparameters: Mapping[str, Any], models: Any
    ) -> ContentAddressedTrainer:
        """What trains a candidate as `step`; checkpoints lie below `name`, models below the URI `models`."""
        return ContentAddressedTrainer(
            sagemaker_session=self.session,
            role=self.settings.job_role,
            base_job_name=PROJECT,
            input_s3_key_prefix=f"{PROJECT}/code/training",
            source_code=SourceCode(source_dir=str(TRAINING_CODE), entry_script="train.py"),
            training_image=self.parameters["TrainingImageUri"],
            compute=training_compute(self.settings, self.parameters["TrainingInstanceType"]),
            stopping_condition=training_limits(self.settings),
            networking=training_network(self.settings),
            tags=training_tags(self.settings, step, candidate.name),
            output_data_config=OutputDataConfig(
                s3_output_path=models, kms_key_id=self.settings.kms_key or None
            ),
            checkpoint_config=CheckpointConfig(
                # SageMaker takes all keys that begin so: seed 1 would load the checkpoints of seed 10.
                s3_uri=self.settings.uri("checkpoints", digest_of_code(TRAINING_CODE)[:16], name, "latest"),
                local_path="/opt/ml/checkpoints",
            ),
            hyperparameters={"candidate": candidate.name, **hyperparameters, **self.precision()},
            environment={"PYTHONUNBUFFERED": "1"},
        ).with_uploads(self.uploaded)

    def precision(self) -> dict[str, str]:
        """The hyperparameter that says what networks compute in, if it is not the script's own choice."""
        return {} if self.settings.precision == "auto" else {"precision": self.settings.precision}

    def training_step(
        self, candidate: Candidate, seed: int, processed: Any, tuned: TuningStep | None
    ) -> TrainingStep:
        """Trains one candidate under one seed. Candidates differ in their table entry and in nothing else.

        After a search (`tuned`) also in the settings that it found.
        """
        name = f"{candidate.name}-{seed}"
        parameters = self.parameters
        hyperparameters: dict[str, Any] = {
            **candidate.hyperparameters,
            "seed": str(seed),
            "epochs": parameters["Epochs"].to_string(),
            "batch-size": parameters["BatchSize"].to_string(),
            "learning-rate": parameters["LearningRate"].to_string(),
        }
        if tuned is not None:
            found = tuned.properties.BestTrainingJob.TunedHyperParameters
            hyperparameters |= {each: found[each] for each in names()}
        trainer = self.trainer(
            name, f"Train-{name}", candidate, hyperparameters, self.execution_uri("models")
        ).with_metric_definitions([MetricDefinition(**metric) for metric in METRIC_DEFINITIONS])
        return TrainingStep(
            f"Train-{name}",
            trainer.train(input_data_config=_channels(processed)),
            description=f"Trains the {candidate.summary}, under seed {seed}.",
            cache_config=CACHE,
            retry_policies=list(RETRIES),
        )

    def tuning_step(self, candidate: Candidate, processed: Any) -> TuningStep:
        """Searches a candidate's learning rate, batch size and label smoothing: equally long and wide for all.

        Models lie under the names of their jobs, not under the execution's id: the evaluation names them by job.
        """
        settings, name = self.settings, f"Tune-{candidate.name}"
        seed = settings.seeds[0] if len(settings.seeds) == 1 else SEED_OF_TRIALS
        hyperparameters = {
            **without_tuned(candidate.hyperparameters),
            "seed": str(seed),
            "epochs": self.parameters["Epochs"].to_string(),
        }
        tuner = ContentAddressedTuner(
            self.trainer(name, name, candidate, hyperparameters, settings.uri(TUNED_MODELS)),
            OBJECTIVE,
            sdk_ranges(settings.tune_strategy),
            metric_definitions=[
                {"Name": metric["name"], "Regex": metric["regex"]} for metric in METRIC_DEFINITIONS
            ],
            strategy=settings.tune_strategy,
            strategy_config=sdk_strategy(settings.tune_strategy),
            objective_type="Maximize",
            max_jobs=settings.tune,
            max_parallel_jobs=min(AT_ONCE, settings.tune),
            random_seed=SEARCH_SEED,
        )
        return TuningStep(
            name,
            tuner.tune(inputs=_channels(processed)),
            description=f"Searches settings of the {candidate.summary}, in {settings.tune} trials.",
            cache_config=CACHE,
            retry_policies=list(RETRIES),
        )

    def evaluate_step(self, processed: Any, models: Mapping[str, Any]) -> ProcessingStep:
        """Compares on validation, reports test once, applies the gate, registers. It alone sees the test split.

        `models` are the artifacts' URIs by the id of the training. They are named in arguments, not inputs: a
        processing job takes ten inputs at most.
        """
        parameters = self.parameters
        arguments: dict[str, Any] = {
            "--processed": "/opt/ml/processing/input/processed",
            "--output": "/opt/ml/processing/output/evaluation",
            "--min-accuracy": parameters["MinAccuracy"].to_string(),
            "--model-package-group": parameters["ModelPackageGroupName"],
            "--approval-status": parameters["ModelApprovalStatus"],
            "--inference-image": tensorflow_image(self.settings.region, "inference"),
            "--region": self.settings.region,
            "--job-config": "/opt/ml/config/processingjobconfig.json",
            "--exit-message": "/opt/ml/output/message",
        }
        # One word each: a job takes 100 arguments at most.
        words = [
            Join(on="=", values=["--champion", parameters["ChampionModelPackage"]]),
            Join(on="=", values=["--must-beat-champion", parameters["MustBeatChampion"]]),
            *(Join(on="=", values=["--candidate", name, uri]) for name, uri in models.items()),
        ]
        processor = self.processor("Evaluate", "evaluate.py", self.settings.evaluation_role, calls_aws=True)
        request = processor.run(
            inputs=[
                processing_input("code", self.processing_code, "/opt/ml/processing/code"),
                processing_input("processed", processed, "/opt/ml/processing/input/processed"),
            ],
            outputs=[
                processing_output(
                    "evaluation", self.execution_uri("evaluation"), "/opt/ml/processing/output/evaluation"
                )
            ],
            arguments=[*(word for pair in arguments.items() for word in pair), *words],
        )
        return ProcessingStep(
            "Evaluate",
            request,
            description="Picks the best on validation, applies the quality gate on test, registers the winner.",
            property_files=[PropertyFile("Evaluation", output_name="evaluation", path="evaluation.json")],
            cache_config=CACHE,
            retry_policies=list(RETRIES),
        )

    def gate_step(self) -> ConditionStep:
        """Ends the execution as Failed, with a reason, when the winner missed the gate."""
        verdict = JsonGet(step_name="Evaluate", property_file="Evaluation", json_path="gate.verdict")
        message = Join(
            on="",
            values=[
                "The quality gate was missed: the best candidate's test accuracy is below MinAccuracy=",
                self.parameters["MinAccuracy"],
                ", or it is significantly worse than the champion (MustBeatChampion=",
                self.parameters["MustBeatChampion"],
                f"); gate.reason says which. Nothing was registered. Report: {self.settings.uri('executions')}/",
                ExecutionVariables.PIPELINE_EXECUTION_ID,
                "/evaluation/evaluation.json",
            ],
        )
        return ConditionStep(
            "QualityGate",
            conditions=[ConditionEquals(left=verdict, right="passed")],
            if_steps=[],
            else_steps=[FailStep("GateMissed", error_message=message)],
            depends_on=["Evaluate"],
        )

    def mlflow_config(self) -> MlflowConfig | None:
        """The MLflow app that SageMaker reports to, in the experiment of the pipeline's name; None for none."""
        if not self.settings.mlflow_app:
            return None
        return MlflowConfig(
            mlflow_resource_arn=self.settings.mlflow_app, mlflow_experiment_name=self.settings.pipeline_name
        )

    def build(self) -> Pipeline:
        """The pipeline."""
        normalize = self.normalize_step()
        processed = normalize.properties.ProcessingOutputConfig.Outputs["processed"].S3Output.S3Uri
        candidates, seeds = find_candidates(self.settings.candidates), self.settings.seeds
        by_name = {candidate.name: candidate for candidate in candidates}
        tuned = {
            candidate.name: self.tuning_step(candidate, processed)
            for candidate in (candidates if self.settings.tune else ())
        }
        trained: dict[str, TrainingStep] = {}
        if not tuned or len(seeds) > 1:
            trained = {
                f"{name}-{seed}": self.training_step(by_name[name], seed, processed, tuned.get(name))
                for name, seed in self.settings.trainings()
            }
        models: dict[str, Any] = {
            name: step.properties.ModelArtifacts.S3ModelArtifacts for name, step in trained.items()
        }
        if not trained:
            # The best training of each search is what is compared.
            folder = f"{PROJECT}/{TUNED_MODELS}"
            models = {
                f"{name}-{seeds[0]}": step.get_top_model_s3_uri(0, self.settings.bucket, folder)
                for name, step in tuned.items()
            }
        evaluate = self.evaluate_step(processed, models)
        return Pipeline(
            name=self.settings.pipeline_name,
            parameters=list(self.parameters.values()),
            # No experiment: it would show what the registry and the report show, for nine more permissions.
            pipeline_experiment_config=None,
            mlflow_config=self.mlflow_config(),
            steps=[normalize, *tuned.values(), *trained.values(), evaluate, self.gate_step()],
            sagemaker_session=self.session,
        )


def _channels(processed: Any) -> list[InputData]:
    """The channels of a training job: parts of the processed data."""
    parts = {"train": "train/", "validation": "validation/", "manifest": "manifest.json"}
    return [
        InputData(channel_name=name, data_source=Join(on="/", values=[processed, part]))
        for name, part in parts.items()
    ]


def definition_text(pipeline: Pipeline) -> str:
    """The compiled definition, as indented JSON with a newline at its end; byte-identical for identical inputs."""
    return json.dumps(json.loads(pipeline.definition()), indent=2) + "\n"
