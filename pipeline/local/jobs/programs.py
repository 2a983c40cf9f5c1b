"""Which program a step's job runs here: its own command, its script, or a stand-in for its image.

Decided before anything runs, for all steps at once, because an image's own entry point cannot be known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.errors import UsageError
from pipeline.local.jobs.inputs import before_execution
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.script_mode import (
    SUBMIT_DIRECTORY,
    distributed_settings,
    distributed_text,
    in_script_mode,
)
from pipeline.local.jobs.stand_in import (
    StandIn,
    choose_stand_in,
    is_tensorflow,
    xgboost_stand_in,
)
from pipeline.local.jobs.training_driver import SCRIPT_CHANNEL
from pipeline.near_match import did_you_mean
from pipeline.shown import shown
from pipeline.spec.built_in import is_xgboost
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.for_each import every_request
from pipeline.spec.places import values_at
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.tuning import training_requests

_NEED_XGBOOST = (
    "its image is SageMaker's built-in XGBoost. This project has a stand-in for it, but the jobs' Python lacks the "
    "package xgboost: name one that has it with --python PATH (pip install xgboost-cpu; on macOS: xgboost)"
)


@dataclass(frozen=True)
class Programs:
    """The choices of an execution: the user's stand-ins, and whether the jobs' Python has xgboost.

    `names` are what steps are called by their place in the definition, which a step of a ForEach step's body shares
    with its children: these are called otherwise. `in_images`: jobs run in their images, which bring what the
    requests do not.
    """

    stand_ins: tuple[StandIn, ...] = ()
    has_xgboost: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    in_images: bool = False

    @classmethod
    def of(
        cls,
        definition: Definition,
        stand_ins: Iterable[StandIn],
        *,
        has_xgboost: bool,
        in_images: bool = False,
    ) -> Programs:
        """The choices for the steps of `definition`."""
        names = {step.json_path: step.name for step in every_request(definition)}
        return cls(tuple(stand_ins), has_xgboost, names, in_images)

    def names_step(self, step: Step) -> bool:
        """Whether a stand-in is for this very step, whatever its image is."""
        return any(each.of == self.name_of(step) for each in self.stand_ins)

    def name_of(self, step: Step) -> str:
        """What the definition calls the step, or the one that it is a child of."""
        return self.names.get(step.json_path, step.name)

    def stand_in(self, step: Step, arguments: Mapping[str, Json]) -> StandIn | None:
        """What runs in the place of the job of a step; None: what the request says.

        `arguments` of a Transform step are with the container of its model.
        """
        if STEP_TYPES[step.type].image is None or self.in_images:
            return None
        image = image_of(step.type, arguments)
        # This project's server is its own program only if nobody else's is wanted.
        own = step.type != "Transform" and has_own_program(step.type, arguments)
        chosen = choose_stand_in(self.stand_ins, self.name_of(step), image, own_program=own)
        has_stand_in = step.type in ("Training", "Transform") and is_xgboost(image) and self.has_xgboost
        if chosen is None and not own and has_stand_in:
            return xgboost_stand_in(image, serving=step.type == "Transform")
        return chosen


ALL_OWN = Programs()


def image_of(step_type: str, arguments: Mapping[str, Json]) -> str:
    """The URI of the image, "" where it is not known (yet)."""
    _, key = STEP_TYPES[step_type].image or ("", "")
    image = _specification(step_type, arguments).get(key)
    return image if isinstance(image, str) else ""


def _specification(step_type: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
    """The section of the request that says what runs; empty where there is none."""
    section, _ = STEP_TYPES[step_type].image or ("", "")
    return arguments.get(section) or {}


def has_own_program(step_type: str, arguments: Mapping[str, Json]) -> bool:
    """Whether the request itself says what runs: a command, script mode, or the SDK's driver.

    A step of a type that runs no job has nothing to say.
    """
    if STEP_TYPES[step_type].image is None or _specification(step_type, arguments).get("ContainerEntrypoint"):
        return True
    if step_type == "Transform":
        return is_tensorflow(image_of(step_type, arguments))
    if step_type != "Training":
        return False
    hyperparameters = arguments.get("HyperParameters") or {}
    if in_script_mode(hyperparameters) and hyperparameters.get(SUBMIT_DIRECTORY):
        return True
    channels = values_at(arguments, ["InputDataConfig", "*", "ChannelName"], "")
    return any(name == SCRIPT_CHANNEL for _, name in channels)


def check_programs(
    definition: Definition,
    parameters: Mapping[str, Json],
    programs: Programs,
    containers: Callable[[Step], list[dict[str, Json]] | None] = lambda step: None,
    within: Definition | None = None,
) -> None:
    """Check that it is known of every step's job what it runs, and that every stand-in is one for something.

    `containers` says what is known ahead of the model of a Transform step; see containers_ahead. `within` is the
    whole of which `definition` has the steps that are to run: a stand-in may be one for a step that is not.

    Raises:
        UsageError: it is not; the message lists all steps.
    """
    due = {step.name for step in jobs_in(definition)}
    images: set[str] = set()
    problems = []
    jobs = jobs_in(within or definition)
    for step in jobs:
        if step.type != "Transform":
            arguments = _known(step, parameters)
            images.add(image_of(step.type, arguments))
            found = _problems(step, arguments, programs)
        else:
            models = containers(step)
            if models != []:  # Of a model that nobody makes, no image will be known later.
                images.add(image_of(step.type, {"PrimaryContainer": (models or [{}])[0]}))
            found = _model_problems(step, parameters, models, programs)
        if step.name in due:
            problems += [f"  {step.name}: {problem}" for problem in found]
    _check_matches(programs.stand_ins, jobs, images)
    if problems:
        raise UsageError(
            "No images are run, so it has to be said what these steps run in their place (nothing was started):\n"
            + "\n".join(problems)
            + "\nOr run all steps in their images, with Docker or podman: --launcher container"
        )


def jobs_in(definition: Definition) -> list[Step]:
    """The jobs of all steps; see jobs_of."""
    return [job for step in every_request(definition) for job in jobs_of(step)]


def jobs_of(step: Step) -> list[Step]:
    """The step, if it runs a job; a Tuning step as a training for each TrainingJobDefinition, as its trials are."""
    if step.type == "Tuning":
        requests = training_requests(step.arguments)
        return [replace(step, type="Training", arguments=request) for request in requests]
    return [] if STEP_TYPES[step.type].image is None else [step]


def check_for_containers(stand_ins: Sequence[StandIn], python: Interpreter | None) -> None:
    """Raises UsageError for choices that mean nothing where jobs run in their images."""
    for flag, given in (
        ("--stand-in", stand_ins and stand_ins[0].of),
        ("--python", python and python.executable),
    ):
        if given:
            raise UsageError(
                f"{flag} {given} says what runs on this machine in the place of an image, and in containers the "
                "images run themselves. Leave it out, or name another image: --image STEP=IMAGE"
            )


def _model_problems(
    step: Step, parameters: Mapping[str, Json], models: list[dict[str, Json]] | None, programs: Programs
) -> Iterator[str]:
    """What is missing to serve the model of a Transform step, as far as it is known before anything runs."""
    arguments = {"PrimaryContainer": (models or [{}])[0]}
    if models is None or programs.names_step(step):
        return
    if problem := model_problem(
        step.name, before_execution(step.arguments.get("ModelName"), parameters), models
    ):
        yield problem
    elif (
        image_of(step.type, arguments)
        and programs.stand_in(step, arguments) is None
        and not has_own_program(step.type, arguments)
        and not programs.in_images
    ):
        yield missing_text(step.name, arguments, step.type)


def model_problem(step: str, name: Json, models: list[dict[str, Json]] | None) -> str | None:
    """Why a model cannot be served without a stand-in for the step, whatever its image is; None when it can."""
    do = f'Say what to run: --stand-in "{step}=python3 my_server.py"'
    if not models:
        return f"no step and no execution made the model {shown(name)}. {do}"
    if len(models) > 1:
        return f"its model has {len(models)} containers, and one is served here. {do}"
    return None


def missing_text(step: str, arguments: Mapping[str, Json], step_type: str) -> str:
    """What to do about a job of which it is not known what it runs."""
    image = image_of(step_type, arguments)
    section, _ = STEP_TYPES[step_type].image or ("", "")
    reason = f"no ContainerEntrypoint in its {section}" + (f" (image {image})" if image else "")
    script = "my_script.py"
    if step_type == "Transform":
        reason = f"its model is served by the image {image}"
        script = "my_server.py"
    if step_type in ("Training", "Transform") and is_xgboost(image):
        reason = _NEED_XGBOOST
    return f'{reason}. Say what to run: --stand-in "{step}=python3 {script}"'


def _check_matches(stand_ins: Iterable[StandIn], jobs: Iterable[Step], images: Collection[str]) -> None:
    """Raises UsageError for a stand-in that is one for nothing."""
    names = list(dict.fromkeys(step.name for step in jobs))
    for stand_in in stand_ins:
        of_image = (choose_stand_in([stand_in], "", image, own_program=False) for image in images)
        # Some images have a name only once the execution runs.
        if stand_in.of not in names and "" not in images and not any(of_image):
            raise UsageError(
                f"Could not use --stand-in {stand_in.of}=…: the definition has no job of that name, and no image "
                f"that it matches.{did_you_mean(stand_in.of, names)} Its jobs: {', '.join(names) or 'none'}."
            )


def _problems(step: Step, arguments: Mapping[str, Json], programs: Programs) -> Iterator[str]:
    if programs.stand_in(step, arguments) is not None:
        return
    if not has_own_program(step.type, arguments):
        if programs.in_images:
            return
        yield missing_text(step.name, arguments, step.type)
        return
    hyperparameters = arguments.get("HyperParameters") or {}
    own = _specification(step.type, arguments).get("ContainerEntrypoint")
    if step.type == "Training" and not own and (names := distributed_settings(hyperparameters)):
        yield distributed_text(names)


def _known(step: Step, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """What of a step's arguments decides its program, as far as it is known before anything runs."""
    section, _ = STEP_TYPES[step.type].image or ("", "")
    parts: Iterable[str] = (section, "HyperParameters", "InputDataConfig")
    return {
        name: {key: before_execution(item, parameters) for key, item in value.items()}
        if isinstance(value, Mapping)
        else value
        for name in parts
        if (value := step.arguments.get(name)) is not None
    }
