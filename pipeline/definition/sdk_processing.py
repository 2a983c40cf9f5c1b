"""Inputs and outputs of processing jobs, as the SDK's objects."""

from __future__ import annotations

from typing import Any

from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output


def processing_input(name: str, uri: Any, local_path: str) -> ProcessingInput:
    """A whole S3 prefix, copied to every instance before the job starts."""
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri,
            local_path=local_path,
            s3_data_type="S3Prefix",
            s3_input_mode="File",
            s3_data_distribution_type="FullyReplicated",
        ),
    )


def processing_output(name: str, uri: Any, local_path: str) -> ProcessingOutput:
    """A folder that is uploaded when the job has ended."""
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(s3_uri=uri, local_path=local_path, s3_upload_mode="EndOfJob"),
    )
