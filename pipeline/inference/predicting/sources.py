"""Opens the registry of a target, to read models from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from pipeline.definition.settings import PROJECT
from pipeline.inference.predicting.models import AwsModels, LocalModels, Models
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store


class Opening(Protocol):
    """What opens the models of a target."""

    def __call__(self, home: Home, group: str | None) -> AbstractContextManager[Models]:
        """The registered models while the block lasts; `group` None: the target's own."""


@contextmanager
def local_models(home: Home, group: str | None) -> Iterator[Models]:
    """The models of the state folder; by default those of the project's group."""
    with Store(home) as store:
        yield LocalModels(home, store, group or PROJECT)


@contextmanager
def sagemaker_models(home: Home, group: str | None) -> Iterator[Models]:
    """The models of the account; by default those of the stack's group."""
    from pipeline.targets.sagemaker import open_sagemaker

    on_aws = open_sagemaker(os.environ)
    yield AwsModels(on_aws.client, on_aws.account.client("s3"), group or on_aws.stack.model_package_group)


OPENING: Mapping[str, Opening] = {"local": local_models, "sagemaker": sagemaker_models}


def open_models(target: str, home: Home, group: str | None) -> AbstractContextManager[Models]:
    """The registered models of the target while the block lasts; `group` None: the target's own."""
    return OPENING[target](home, group)
