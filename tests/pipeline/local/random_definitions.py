"""Random definitions for Hypothesis: graphs of every step type, conditions in conditions, every expression.

A step refers only to steps drawn before it, wherever they stand, so there are no cycles; afterwards every list of
steps is shuffled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

JOBS = ("Processing", "Training", "RegisterModel", "Model")
_TEXTS = st.text("ab/-é {}", max_size=3)
_NUMBERS = st.integers(-3, 20) | st.floats(-3, 20, allow_nan=False)


@dataclass(frozen=True)
class Drawn:
    """A definition, its parameters' values, those that the user gives (as texts), and the jobs that fail."""

    document: dict[str, Any]
    parameters: dict[str, Any]
    given: dict[str, str]
    failing: frozenset[str]


_OUTPUT = "ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
# Properties of each type of step that are strings, and numbers.
_TEXTS_OF = {
    "Processing": ("ProcessingJobName", "Environment['a.b']", _OUTPUT, _OUTPUT.replace("'out'", "0")),
    "Training": ("TrainingJobName", "Environment['a.b']", "ModelArtifacts.S3ModelArtifacts"),
    "RegisterModel": ("ModelPackageName", "CustomerMetadataProperties['a.b']"),
    "Model": ("ModelName",),
}
_NUMBERS_OF = {
    "Processing": ("StoppingCondition.MaxRuntimeInSeconds",),
    "Training": ("FinalMetricDataList['accuracy'].Value", "FinalMetricDataList[1].Value"),
    "RegisterModel": ("ModelPackageVersion",),
}


@dataclass
class _Drawing:
    """`jobs`, `conditions` and `all` are the names of the steps drawn so far, `within` the branches of each."""

    draw: st.DrawFn
    jobs: dict[str, str] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    all: list[str] = field(default_factory=list)
    within: dict[str, dict[str, bool]] = field(default_factory=dict)

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def steps(self, branch: dict[str, bool], most: int) -> list[Any]:
        """At most `most` steps side by side, at least one of them at the top."""
        least = 0 if branch else 1
        drawn = [self.step(branch) for _ in range(self.draw(st.integers(least, most)))]
        return self.draw(st.permutations(drawn))

    def dependency(self, step: str, branch: dict[str, bool]) -> Any:
        """An entry of DependsOn; of a step that may run on what this one may not wait for."""
        never = any(branch.get(gate, way) is not way for gate, way in self.within[step].items())
        ends = (
            ("Completed",) if never or step.endswith("_Fail") else ("Completed", "Failed", "Stopped", "Any")
        )
        return self.pick(step, *({"Step": step, "Trigger": end} for end in ends))

    def step(self, branch: dict[str, bool]) -> dict[str, Any]:
        depth = len(branch)
        kind = self.pick(
            *JOBS, "Processing", "Training", "Lambda", "Fail", *(["Condition"] * 4 if depth < 2 else [])
        )
        name = f"S-{len(self.all)}_{kind}"
        after = self.draw(st.lists(st.sampled_from(self.all), max_size=2, unique=True)) if self.all else []
        step = {
            "Name": name,
            "Type": kind,
            "DependsOn": [self.dependency(each, branch) for each in after],
        }
        self.within[name] = branch
        if kind == "Condition":
            conditions = [self.condition(1) for _ in range(self.pick(1, 2))]
            self.all.append(name)
            self.conditions.append(name)
            branches = {
                key: self.steps({**branch, name: taken}, 2)
                for key, taken in (("IfSteps", True), ("ElseSteps", False))
            }
            return {**step, "Arguments": {"Conditions": conditions, **branches}}
        arguments = {
            "Processing": self._processing,
            "Training": self._training,
            "RegisterModel": self._register_model,
            "Model": self._model,
            "Lambda": self._lambda,
            "Fail": self._fail,
        }
        step["Arguments"] = arguments[kind]()
        self.all.append(name)
        if kind == "Processing":
            step["PropertyFiles"] = [{"PropertyFileName": "F", "OutputName": "out", "FilePath": "f.json"}]
        if kind == "Lambda":
            step["FunctionArn"] = "arn:aws:lambda:us-east-1:123456789012:function:f"
        elif kind != "Fail":
            self.jobs[name] = kind
        return step

    def _processing(self) -> dict[str, Any]:
        output = {"OutputName": "out", "S3Output": {"S3Uri": self.address(), "LocalPath": "/opt/ml/o"}}
        return {
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3", "x.py"],
                "ContainerArguments": [self.text(2) for _ in range(self.pick(0, 1, 2))],
            },
            "ProcessingResources": {"ClusterConfig": {"InstanceType": self.text(1), "InstanceCount": 1}},
            "ProcessingOutputConfig": {"Outputs": [output]},
            "Environment": {"A": self.text(2)},
            "Tags": [{"Key": "k", "Value": self.text(2)}],
        }

    def _training(self) -> dict[str, Any]:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": self.address()}}
        return {
            "AlgorithmSpecification": {"TrainingImage": "image", "ContainerEntrypoint": ["python3", "x.py"]},
            "HyperParameters": {"a": self.text(2), "Get": self.text(1)},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": source}],
            "OutputDataConfig": {"S3OutputPath": self.address()},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": self.pick(60, {"Get": "Parameters.Count"})},
        }

    def _register_model(self) -> dict[str, Any]:
        return {"ModelPackageGroupName": self.text(1), "CustomerMetadataProperties": {"a": self.text(2)}}

    def _model(self) -> dict[str, Any]:
        return {"PrimaryContainer": {"Image": "image", "ModelDataUrl": self.text(2)}}

    def _lambda(self) -> dict[str, Any]:
        """An event, which the service has no form for."""
        return {"event": self.anything(2)}

    def _fail(self) -> dict[str, Any]:
        return {"ErrorMessage": self.text(1)}

    def condition(self, depth: int) -> dict[str, Any]:
        kind = self.pick("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "In",
                         *(["Not", "Or"] if depth else []))  # fmt: skip
        if kind == "Not":
            return {"Type": "Not", "Condition": self.condition(depth - 1)}
        if kind == "Or":
            return {"Type": "Or", "Conditions": [self.condition(depth - 1) for _ in range(self.pick(1, 2))]}
        operand = self.pick(self.text, self.number)
        if kind == "In":
            values = [operand(1) for _ in range(self.pick(0, 1, 2))]
            return {"Type": "In", "QueryValue": operand(1), "Values": values}
        if kind == "Equals":
            operand = self.pick(operand, self.truth)
        left = operand(1)
        # What is equal decides between many of the types, and is rare by chance.
        return {"Type": kind, "LeftValue": left, "RightValue": self.pick(left, operand(1))}

    def anything(self, depth: int) -> Any:
        """A value of any type, with expressions at any depth."""
        kind = self.pick("text", "number", "truth", *(["list", "object"] if depth else []))
        if kind == "list":
            return [self.anything(depth - 1) for _ in range(2)]
        if kind == "object":
            return {"a": self.anything(depth - 1), "Get": self.anything(depth - 1)}
        return getattr(self, kind)(depth)

    def address(self) -> Any:
        """An S3 address, or an expression that stands for one."""
        inside = {"Get": "Execution.PipelineExecutionId"}
        return self.pick("s3://bkt-one/k", {"Std:Join": {"On": "/", "Values": ["s3://bkt-one", inside]}})

    def text(self, depth: int) -> Any:
        """A string, or an expression that stands for one."""
        choices = ["literal", "parameter", "execution", "experiment"]
        choices += ["join"] * 3 if depth else []
        choices += ["property"] * 4 if self.jobs else []
        choices += ["file", "document"] if self._with_files() else []
        choices += ["outcome"] if self.conditions else []
        match self.pick(*choices):
            case "literal":
                return self.draw(_TEXTS)
            case "parameter":
                return {"Get": "Parameters.Text"}
            case "execution":
                return {"Get": self.pick("Execution.PipelineName", "Execution.PipelineExecutionId")}
            case "experiment":
                return {
                    "Get": self.pick(
                        "PipelineExperimentConfig.ExperimentName", "PipelineExperimentConfig.TrialName"
                    )
                }
            case "join":
                parts = [
                    getattr(self, self.pick("text", "number", "truth"))(depth - 1)
                    for _ in range(self.pick(1, 2, 3))
                ]
                return {"Std:Join": {"On": self.draw(_TEXTS), "Values": parts}}
            case "property":
                return self._property(_TEXTS_OF)
            case "file":
                return self._file("rows[0].verdict")
            case "document":
                return self._document("uri")
        return {"Get": f"Steps.{self.pick(*self.conditions)}.Outcome"}

    def number(self, depth: int) -> Any:
        """A number, or an expression that stands for one."""
        choices = ["literal", "parameter"]
        choices += ["property"] * 3 if self._with(_NUMBERS_OF) else []
        choices += ["file", "document"] if self._with_files() else []
        match self.pick(*choices):
            case "literal":
                return self.draw(_NUMBERS)
            case "parameter":
                return {"Get": self.pick("Parameters.Count", "Parameters.Ratio")}
            case "property":
                return self._property(_NUMBERS_OF)
            case "file":
                return self._file("score")
        return self._document("digits")

    def truth(self, depth: int) -> Any:
        """True, false, or an expression that stands for one of them."""
        if self._with_files() and self.pick(True, False):
            return self._file("odd")
        return self.pick(True, False, {"Get": "Parameters.Flag"})

    def _with(self, places: Mapping[str, Sequence[str]]) -> list[str]:
        return [name for name, kind in self.jobs.items() if kind in places]

    def _property(self, places: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        name = self.pick(*self._with(places))
        return {"Get": f"Steps.{name}.{self.pick(*places[self.jobs[name]])}"}

    def _with_files(self) -> list[str]:
        return [name for name, kind in self.jobs.items() if kind == "Processing"]

    def _file(self, path: str) -> dict[str, Any]:
        file = {"Get": f"Steps.{self.pick(*self._with_files())}.PropertyFiles.F"}
        return {"Std:JsonGet": {"PropertyFile": file, "Path": path}}

    def _document(self, path: str) -> dict[str, Any]:
        name = self.pick(*self._with_files())
        uri = {"Std:Join": {"On": "/", "Values": [{"Get": f"Steps.{name}.{_OUTPUT}"}, "scores.json"]}}
        return {"Std:JsonGet": {"S3Uri": self.pick(uri, "s3://b/42.json"), "Path": path}}


@st.composite
def definitions(draw: st.DrawFn) -> Drawn:
    """Random definitions of a few steps."""
    parameters = {
        "Text": draw(_TEXTS),
        "Count": draw(st.integers(1, 20)),
        "Ratio": draw(st.floats(-5, 20, allow_nan=False)),
        "Flag": draw(st.booleans()),
    }
    types = {"Text": "String", "Count": "Integer", "Ratio": "Float", "Flag": "Boolean"}
    written = {name: value if isinstance(value, str) else repr(value) for name, value in parameters.items()}
    given = {name: written[name] for name in types if draw(st.booleans())}
    declared = []
    for name, kind in types.items():
        # What the user gives wins over the default, or stands in for one that is missing.
        default = {"DefaultValue": parameters[name]} if name not in given or draw(st.booleans()) else {}
        declared.append({"Name": name, "Type": kind, **default})
    drawing = _Drawing(draw)
    steps = drawing.steps({}, 6)
    document = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": declared,
        "PipelineExperimentConfig": {
            "ExperimentName": {"Get": "Parameters.Text"},
            "TrialName": {
                "Std:Join": {"On": "-", "Values": ["run", {"Get": "Execution.PipelineExecutionId"}]}
            },
        },
        "Steps": steps,
    }
    failing = draw(st.sets(st.sampled_from(sorted(drawing.jobs)), max_size=2)) if drawing.jobs else set()
    return Drawn(document, parameters, given, frozenset(failing) if draw(st.booleans()) else frozenset())
