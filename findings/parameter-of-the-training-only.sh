#!/usr/bin/env bash
# Library:  kedro-sagemaker 0.4.0 (kedro 0.19.14, sagemaker 2.257.7), which makes a SageMaker pipeline of a Kedro pipeline.
# Guess:    `kedro sagemaker run --params '{"size": 14}'` runs all nodes with size 14, as `kedro run --params` does; so
#           does StartPipelineExecution with a value for the pipeline's parameter, which is in the environment of every step.
# Found:    Only the training steps take it. They start by `kedro sagemaker entrypoint`, which makes --params of the
#           environment; a processing step starts by `kedro sagemaker execute`, which never looks there, and runs with what
#           the image's conf/ says. So a node that prepares or evaluates works with another value than the node that trains,
#           and each one's environment has the given value. Here the commands and environments of the compiled definition are
#           run as SageMaker would run them; moto 5.2.5 stands for AWS while it is compiled.
# Output:   step, with 28 in conf/   compiled with 14   started with 7   its environment
#           normalize Processing                   28               28   14, 7
#           train     Training                     14                7   14, 7
#           evaluate  Processing                   28               28   14, 7
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    kedro==0.19.14 sagemaker==2.257.7 moto==5.2.5 click==8.1.8 backoff==2.2.1 tarsafe==0.0.6 zstandard==0.25.0
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --no-deps kedro-sagemaker==0.4.0
mkdir -p "$work/project/conf/base" "$work/project/conf/local" "$work/project/src/study"
cd "$work/project"
cat >pyproject.toml <<'TOML'
[tool.kedro]
package_name = "study"
project_name = "study"
kedro_init_version = "0.19.14"
TOML
echo "{version: 1, loggers: {}}" >logging.yml
echo "size: 28" >conf/base/parameters.yml
cat >conf/base/sagemaker.yml <<'YAML'
aws:
  bucket: data
  execution_role: arn:aws:iam::123456789012:role/SageMakerRole
  resources: {__default__: {instance_type: ml.m5.large, instance_count: 1}}
  sagemaker: {pipeline_names_mapping: {__default__: study}}
docker: {image: image, working_directory: .}
YAML
cat >conf/base/catalog.yml <<'YAML'
images: {type: study.Number, path: images}
model: {type: study.Number, path: model}
report: {type: study.Number, path: report}
YAML
echo 'DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)' >src/study/settings.py
cat >src/study/__init__.py <<'PYTHON'
from pathlib import Path

from kedro.io import AbstractDataset


class Number(AbstractDataset):
    """A number in a file of its own."""

    def __init__(self, path):
        self.path = Path(path)

    def _load(self):
        return int(self.path.read_text())

    def _save(self, data):
        self.path.write_text(str(data))

    def _describe(self):
        return {"path": str(self.path)}
PYTHON
cat >src/study/pipeline_registry.py <<'PYTHON'
from kedro.pipeline import node, pipeline
from kedro_sagemaker.decorators import sagemaker_metrics


def normalize(size):
    return size


@sagemaker_metrics({"loss": "loss=(.*)"})
def train(size, images):
    return size


def evaluate(size, model):
    return size


def register_pipelines():
    nodes = [
        node(normalize, "params:size", "images", name="normalize"),
        node(train, ["params:size", "images"], "model", name="train"),
        node(evaluate, ["params:size", "model"], "report", name="evaluate"),
    ]
    return {"__default__": pipeline(nodes)}
PYTHON
export HOME="$work" PATH="$work/venv/bin:$PATH" DO_NOT_TRACK=1 KEDRO_LOGGING_CONFIG=logging.yml \
    PYTHONWARNINGS=ignore SAGEMAKER_SUPPRESS_V2_WARNING=1 \
    AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true
python - <<'PYTHON'
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

from kedro.framework.cli.cli import KedroCLI
from moto import mock_aws

logging.disable(logging.CRITICAL)
EXECUTION = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/study/execution/abcdefghijkl"
OUTPUTS = {"normalize": "images", "train": "model", "evaluate": "report"}


def compiled(*params):
    """What `kedro sagemaker compile` writes."""
    stdout, sys.stdout = sys.stdout, open(os.devnull, "w")
    with mock_aws():
        KedroCLI(Path.cwd())(["sagemaker", "-e", "base", "compile", *params], standalone_mode=False)
    sys.stdout = stdout
    return json.loads(Path("pipeline.json").read_text())


def text(value, parameters):
    """A value of the definition, once the execution has started."""
    if not isinstance(value, dict):
        return value
    if "Std:Join" in value:
        return value["Std:Join"]["On"].join(text(each, parameters) for each in value["Std:Join"]["Values"])
    root, _, name = value["Get"].partition(".")
    return str(parameters[name]) if root == "Parameters" else EXECUTION


def executed(definition, **given):
    """Of each step its type, the size that its node worked with, and the size in its environment."""
    parameters = {each["Name"]: each["DefaultValue"] for each in definition["Parameters"]} | given
    sizes = {}
    for step in sorted(definition["Steps"], key=lambda step: list(OUTPUTS).index(step["Name"])):
        arguments = step["Arguments"]
        environment = {name: text(value, parameters) for name, value in arguments["Environment"].items()}
        if step["Type"] == "Processing":
            command = arguments["AppSpecification"]["ContainerEntrypoint"]
        else:
            command = ["kedro", "sagemaker", "entrypoint", "train"]
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
        size = int(Path(OUTPUTS[step["Name"]]).read_text())
        sizes[step["Name"], step["Type"]] = size, int(environment["KEDRO_SAGEMAKER_PARAM_VALUE_0"])
    return sizes


definition = compiled("--params", '{"size": 14}')
as_compiled, as_started = executed(definition), executed(definition, value0=7)
print(f"{'step, with 28 in conf/':24} {'compiled with 14':>16} {'started with 7':>16}   its environment")
seen = []
for step in as_compiled:
    sizes, told = zip(as_compiled[step], as_started[step], strict=True)
    seen.append((step[0], sizes, told))
    print(f"{step[0]:9} {step[1]:14} {sizes[0]:16} {sizes[1]:16}   {told[0]}, {told[1]}")
if seen != [("normalize", (28, 28), (14, 7)), ("train", (14, 7), (14, 7)), ("evaluate", (28, 28), (14, 7))]:
    sys.exit("The behaviour has changed.")
PYTHON
