"""`deploy`: makes or changes an endpoint, and leaves what was there before when that fails."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import HTTPClientError

from pipeline.errors import FashionError, UsageError
from pipeline.inference.serving.deployment import Deployment, belongs
from pipeline.inference.serving.endpoints import IN_SERVICE, DeployFailed, Endpoints, EndpointState
from pipeline.inference.serving.hints import hosting_hint
from pipeline.inference.serving.hosting import Scaling
from pipeline.targets.aws.aws_errors import AWS_ERRORS, explain, translate_errors


class Need(enum.Enum):
    """What has to be done."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    SCALE = "scale"  # it serves what it is to, and is to scale otherwise
    REPLACE = "replace"  # an endpoint that failed cannot be updated


@dataclass(frozen=True)
class Situation:
    """What is there, and what has to be done about it."""

    need: Need
    before: EndpointState | None
    scaling: Scaling | None = None


def look(endpoints: Endpoints, deployment: Deployment) -> Situation:
    """Waits until nothing goes on with the endpoint, and says what has to be done. Changes nothing.

    Raises:
        UsageError: there is an endpoint of that name that this project did not make, or that cannot become what is
            wanted.
        CredentialsError, AwsError: SageMaker refuses, or cannot be reached.
    """
    name = deployment.endpoint
    with translate_errors(f"Looking at the endpoint {name}"):
        state = endpoints.settled(name)
        if state is None:
            return Situation(Need.CREATE, None)
        if not belongs(endpoints.tags(state.arn), deployment.project, name):
            raise UsageError(
                f"The endpoint {name} does not have the tags of the project {deployment.project}, so it was "
                "left alone. Choose another name with --endpoint."
            )
        if state.status != IN_SERVICE:
            return Situation(Need.REPLACE, state)
        scaling = endpoints.scaling(name)
        if state.config == deployment.config_name:
            same = scaling == deployment.hosting.scaling
            return Situation(Need.NOTHING if same else Need.SCALE, state, scaling)
        variants = endpoints.variants(state.config)
    if deployment.hosting.serverless and any("ServerlessConfig" not in variant for variant in variants):
        raise UsageError(
            f"Cannot make the endpoint {name} serverless: its configuration {state.config} has instances, "
            "and SageMaker does not turn the one into the other. Remove it first with python -m pipeline "
            f"undeploy --endpoint {name}, or choose another name with --endpoint."
        )
    return Situation(Need.UPDATE, state, scaling)


@dataclass
class Deploying:
    """One attempt to do what is needed; it remembers what it made, to take that back."""

    endpoints: Endpoints
    deployment: Deployment
    say: Callable[[str], None]
    _made: list[Callable[[], None]] = field(default_factory=list)

    def carry_out(self, situation: Situation) -> None:
        """Does what `look` found to be needed, and waits until the endpoint is in service.

        Raises:
            DeployFailed: SageMaker could not; what was there before is in service, and what was made is removed.
            CredentialsError, AwsError: SageMaker refuses, or cannot be reached; what was made is removed, or, where
                the endpoint may be using it by then, left as it is. The message says which.
            KeyboardInterrupt: nothing is taken back; what goes on in SageMaker goes on.
        """
        name, config = self.deployment.endpoint, self.deployment.config_name
        doing = f"Deploying version {self.deployment.version} to the endpoint {name}"
        if situation.need is Need.SCALE:
            with translate_errors(f"Scaling the endpoint {name}"):
                self.endpoints.end_scaling(name)
                self.endpoints.begin_scaling(name, self.deployment.hosting.scaling)
            return
        try:
            self._make_parts()
            self._begin(situation)
        except AWS_ERRORS as error:
            told = explain(error, doing)
            if _may_have_begun(error):
                raise self._left_alone(told) from error
            raise self._taken_back(type(told)(f"{told}{self._scaled_again(situation)}")) from error
        old_reason = situation.before.reason if situation.before else ""
        try:
            state = self.endpoints.settled(name, expected=config, old_reason=old_reason)
        except AWS_ERRORS as error:
            raise self._left_alone(explain(error, doing)) from error
        if state is not None and state.status == IN_SERVICE and state.config == config:
            with translate_errors(
                f"The endpoint {name} is in service. Scaling it (the same command tries again)"
            ):
                self.endpoints.begin_scaling(name, self.deployment.hosting.scaling)
            return
        raise self._failed(doing, situation, state)

    def put_back(self, situation: Situation, why: str) -> FashionError:
        """What to raise for an endpoint that is in service and did not pass a test, once it is what it was before.

        What was there before serves again; where nothing was, the endpoint is removed.
        """
        before, name = situation.before, self.deployment.endpoint
        doing = f"Deploying version {self.deployment.version} to the endpoint {name}"
        now = ""
        if situation.need is Need.UPDATE and before is not None:
            self.say(f"{why} Going back to {before.config} …")
            try:
                self.endpoints.update(name, before.config, {})
                state = self.endpoints.settled(name, expected=before.config)
            except AWS_ERRORS as error:
                return self._left_alone(explain(error, doing))
            if state is None or state.status != IN_SERVICE or state.config != before.config:
                return self._left_alone(DeployFailed(f"{doing}: {why} It could not be taken back."))
            now = f" {before.config}, which was there before, is in service again.{self._scaled_again(situation)}"
        return self._taken_back(DeployFailed(f"{doing}: {why}{now}"))

    def _make_parts(self) -> None:
        if self.endpoints.ensure_model(self.deployment):
            model = self.deployment.model_name
            self._made.append(lambda: self.endpoints.delete_model(model))
        if self.endpoints.ensure_config(self.deployment):
            config = self.deployment.config_name
            self._made.append(lambda: self.endpoints.delete_config(config))

    def _begin(self, situation: Situation) -> None:
        name, config = self.deployment.endpoint, self.deployment.config_name
        if situation.need is Need.UPDATE:
            instances = situation.before.instances if situation.before and situation.scaling else None
            self.endpoints.update(name, config, self.deployment.update_options(instances))
            return
        if situation.need is Need.REPLACE:
            self.endpoints.delete_endpoint(name)
        self.endpoints.create(name, config, self.deployment.endpoint_tags)
        self._made.append(lambda: self.endpoints.delete_endpoint(name))

    def _failed(self, doing: str, situation: Situation, state: EndpointState | None) -> FashionError:
        """Takes back what was made, brings back what was there before, and says all of it."""
        reason = "it is gone" if state is None else f"{state.status}. {state.reason}".rstrip(". ")
        hint = hosting_hint("" if state is None else state.reason, self.deployment.endpoint)
        now = ""
        before = situation.before
        if situation.need is Need.UPDATE and before is not None:
            if state is None or state.status != IN_SERVICE:
                now = self._restored(before, situation)
            else:
                reason = f"SageMaker went back to {state.config}. {state.reason}".rstrip(". ")
                scaled = self._scaled_again(situation)
                now = f"{state.config}, which was there before, is still in service.{scaled} "
        return self._taken_back(DeployFailed(f"{doing} failed: {reason}. {now}Likely: {hint}."))

    def _scaled_again(self, situation: Situation) -> str:
        """Has an endpoint that serves what it did scale as it did; a sentence where that cannot be."""
        before = situation.before
        if before is None or situation.need is not Need.UPDATE or situation.scaling is None:
            return ""
        try:
            if self.endpoints.scaling(before.name) is None:
                self.endpoints.begin_scaling(before.name, situation.scaling)
        except AWS_ERRORS as error:
            return f" It no longer scales, and could not be made to again: {error}."
        return ""

    def _restored(self, before: EndpointState, situation: Situation) -> str:
        """Puts the earlier configuration back behind an endpoint that can only be made anew."""
        self.say(f"Creating the endpoint {before.name} again with what it had before, {before.config} …")
        try:
            self.endpoints.delete_endpoint(before.name)
            self.endpoints.create(before.name, before.config, self.deployment.endpoint_tags)
            state = self.endpoints.settled(before.name, expected=before.config)
        except (*AWS_ERRORS, DeployFailed) as error:
            return f"What was there before could not be brought back: {error}. "
        if state is None or state.status != IN_SERVICE:
            return f"What was there before, {before.config}, could not be brought back. "
        return (
            f"{before.config}, which was there before, is in service again.{self._scaled_again(situation)} "
        )

    def _left_alone(self, error: FashionError) -> FashionError:
        """`error`, with nothing removed: the endpoint may be coming up with what this attempt made."""
        name = self.deployment.endpoint
        return type(error)(
            f"{error}\nNothing was removed, since the endpoint may be using it: SageMaker continues, which "
            "keeps incurring charges.\n  Follow it again:  the same command once more\n"
            f"  Remove it:        python -m pipeline undeploy --endpoint {name}"
        )

    def _taken_back(self, error: FashionError) -> FashionError:
        """`error`, once everything that this attempt made is removed, the newest first."""
        left = []
        for remove in reversed(self._made):
            try:
                remove()
            except (*AWS_ERRORS, DeployFailed) as refusal:
                left.append(str(refusal))
        self._made.clear()
        if not left:
            return error
        more = (
            f"\nNot everything that was made could be removed: {'; '.join(left)}. Remove it with: "
            f"python -m pipeline undeploy --endpoint {self.deployment.endpoint}"
        )
        return type(error)(f"{error}{more}")


def _may_have_begun(error: BaseException) -> bool:
    """Whether SageMaker may be at it all the same: its answer was lost, perhaps before boto3 asked once more."""
    said = str(error).lower()
    return (
        isinstance(error, HTTPClientError)
        or "in-progress endpoint" in said
        or "already existing endpoint" in said
    )
