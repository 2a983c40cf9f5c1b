"""Builds the definition of the monitor pipeline.

    Monitor → DriftGate ─ no drift ─→ (done)
                       └ drift ────→ DriftFound (Fail)

The step is never reused: new requests lie below the same address, which is all that a step cache compares.
"""

from __future__ import annotations

from typing import Any

from sagemaker.core.workflow.conditions import ConditionIn
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep

from pipeline.definition.builder import DefinitionBuilder
from pipeline.definition.monitor_parameters import MONITOR_PARAMETERS
from pipeline.definition.sdk_policies import RETRIES
from pipeline.definition.sdk_processing import processing_input, processing_output

MONITOR = "Monitor"
OUTPUT = "monitoring"
NO_ALARM = ("no_drift", "too_few_images")  # of drift.json's `verdict`


class MonitorBuilder(DefinitionBuilder):
    """Makes the steps of the monitor."""

    declared = MONITOR_PARAMETERS

    def monitor_step(self) -> ProcessingStep:
        """Compares captured requests and answers with the baseline of the model that answered."""
        parameters = self.parameters
        arguments: dict[str, Any] = {
            "--capture": parameters["CaptureUri"],
            "--endpoint": parameters["EndpointName"],
            "--model-package-group": parameters["ModelPackageGroupName"],
            "--model-version": parameters["ModelVersion"],
            "--hours": parameters["CaptureHours"].to_string(),
            "--region": self.settings.region,
            "--output": f"/opt/ml/processing/output/{OUTPUT}",
            "--exit-message": "/opt/ml/output/message",
        }
        processor = self.processor(MONITOR, "monitor.py", self.settings.evaluation_role, calls_aws=True)
        request = processor.run(
            inputs=[processing_input("code", self.processing_code, "/opt/ml/processing/code")],
            outputs=[
                processing_output(OUTPUT, self.execution_uri(OUTPUT), f"/opt/ml/processing/output/{OUTPUT}")
            ],
            arguments=[word for pair in arguments.items() for word in pair],
        )
        return ProcessingStep(
            MONITOR,
            request,
            description="Compares what an endpoint captured with the baseline of the model that answered.",
            property_files=[PropertyFile("Drift", output_name=OUTPUT, path="drift.json")],
            retry_policies=list(RETRIES),
        )

    def drift_gate(self, monitor: ProcessingStep) -> ConditionStep:
        """Ends the execution as Failed, with what has drifted, when something has."""
        verdict = JsonGet(step_name=MONITOR, property_file="Drift", json_path="verdict")
        message = Join(
            on="",
            values=[
                monitor.properties.ExitMessage,
                f" Report: {self.settings.uri('executions')}/",
                ExecutionVariables.PIPELINE_EXECUTION_ID,
                f"/{OUTPUT}/report.html",
            ],
        )
        return ConditionStep(
            "DriftGate",
            conditions=[ConditionIn(value=verdict, in_values=list(NO_ALARM))],
            if_steps=[],
            else_steps=[FailStep("DriftFound", error_message=message)],
            depends_on=[MONITOR],
        )

    def build(self) -> Pipeline:
        """The pipeline."""
        monitor = self.monitor_step()
        return Pipeline(
            self.settings.pipeline_name,
            parameters=list(self.parameters.values()),
            pipeline_experiment_config=None,
            steps=[monitor, self.drift_gate(monitor)],
            sagemaker_session=self.session,
        )
