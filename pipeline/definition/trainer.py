"""The SDK's ModelTrainer, with code uploads addressed by content (see code_upload.py).

ModelTrainer uploads to a prefix with the time in it, and asks IAM at each upload whether its role may write there,
moving the code to another bucket when the answer is no. Here the channels are made from our own upload.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from sagemaker.core.training.configs import Channel, DataSource, S3DataSource
from sagemaker.train import ModelTrainer

from pipeline.definition.code_upload import upload_code


class ContentAddressedTrainer(ModelTrainer):  # type: ignore[misc]
    """A ModelTrainer whose local folders go to s3://<bucket>/<input_s3_key_prefix>/<channel>/sha256-<digest>/."""

    _uploaded: set[str] | None = None

    def with_uploads(self, uploaded: set[str]) -> Self:
        """The same trainer, which shares with others what they have `uploaded`: URIs."""
        self._uploaded = uploaded
        return self

    def _write_source_code_json(self, tmp_dir: Any, source_code: Any) -> None:
        """Writes what the drivers in the container read, with the name of the folder of code, not its path: equal
        code would have another address in each checkout."""
        named = source_code.model_copy(update={"source_dir": Path(source_code.source_dir).name})
        super()._write_source_code_json(tmp_dir=tmp_dir, source_code=named)

    def create_input_data_channel(
        self, channel_name: str, data_source: Any, *args: Any, **kwargs: Any
    ) -> Channel:
        """Uploads a local folder and returns its channel; leaves everything else to the SDK."""
        if not (isinstance(data_source, str) and Path(data_source).is_dir()):
            return super().create_input_data_channel(channel_name, data_source, *args, **kwargs)
        session = self.sagemaker_session
        uri = upload_code(
            session.s3_client,
            Path(data_source),
            session.default_bucket(),
            f"{self.input_s3_key_prefix}/{channel_name}",
            self._uploaded,
        )
        source = S3DataSource(
            s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated"
        )
        return Channel(
            channel_name=channel_name, data_source=DataSource(s3_data_source=source), input_mode="File"
        )
