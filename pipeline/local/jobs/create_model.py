"""Runs a Model step: its arguments are a CreateModel request, for the local SageMaker."""

from __future__ import annotations

from pipeline.local.jobs.service_call import ServiceCall, call_errors, require_model_data
from pipeline.local.state.registry_state import plain
from pipeline.spec.definition import Json


def create_model(call: ServiceCall) -> dict[str, Json]:
    """Create the model under a name made for it, as the service does; returns its Describe response.

    Raises:
        StepFailed: the model data do not exist, or the request is not accepted.
    """
    request = {**call.request, "ModelName": call.name}
    primary = request.get("PrimaryContainer")
    require_model_data(call, [*([primary] if primary else []), *(request.get("Containers") or ())])
    client = call.aws.client("sagemaker")
    with call_errors(f"Creating the model {call.name}"):
        client.create_model(**request)
        described = plain(client.describe_model(ModelName=call.name))
    call.log.say(
        f"created the model {call.name}, which the local SageMaker forgets when this command ends; "
        "its image is not run"
    )
    # Moto leaves out parts of the request.
    return {**described, **request}
