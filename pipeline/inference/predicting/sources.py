"""Opens the registry of a target, to read models from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.definition.settings import PROJECT
from pipeline.inference.predicting.models import AwsModels, LocalModels, Models
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store


@contextmanager
def open_models(target: str, home: Home, group: str | None) -> Iterator[Models]:
    """The registered models of the target ("sagemaker", else the local ones) while the block lasts.

    `group` None: the stack's own on SageMaker, the project's locally.
    """
    if target == "sagemaker":
        from pipeline.targets.sagemaker import open_sagemaker

        on_aws = open_sagemaker(os.environ)
        yield AwsModels(on_aws.client, on_aws.account.client("s3"), group or on_aws.stack.model_package_group)
        return
    with Store(home) as store:
        yield LocalModels(home, store, group or PROJECT)
