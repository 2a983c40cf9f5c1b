"""Train one candidate on the processed Fashion-MNIST and write its model artifact.

Runs in a training container, one job a candidate and seed, and on a laptop:

    python train.py --candidate cnn-3x3 --architecture cnn --kernel-size 3 \\
        --train processed/train --validation processed/validation --manifest processed --model-dir model \\
        --checkpoint-dir checkpoints --augmentation flip --label-smoothing 0.1 --threads 1

What each candidate takes and reaches is in docs/study, measured.

On several hosts (SM_HOSTS, SM_CURRENT_HOST) each learns from its share of every batch; the first writes the
results.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from job_settings import JobSettings, parse_settings
from keras_alone import import_keras
from training_data import load_training_data
from training_failure import run_job


def parse_args(argv: Sequence[str]) -> JobSettings:
    """The job that the command line `argv` (without the program's name) and the SM_* variables ask for.

    Raises:
        UsageError: an unknown flag, a missing one, or a value that is not allowed.
    """
    return parse_settings(argv, __doc__, os.environ)


def main(args: JobSettings) -> None:
    """Train, and write the artifact to `args.model_dir` if this is the first host.

    Raises:
        UsageError: there are more hosts than images in a batch.
        TrainingError: the data, a checkpoint folder or a model folder cannot be used; the loss is not finite.
        StoppedError: SIGTERM arrived; a checkpoint is written.
    """
    data = load_training_data(args.train, args.validation, args.manifest)
    args.cluster.expect_shares(len(data.train.labels), args.hyperparameters.batch_size)
    # TensorFlow takes seconds to import: wrong flags and data are told without it. It reads these when it is.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import_keras()
    import keras

    from checkpoints import Checkpoints
    from devices import set_up_device
    from export import export_model
    from fitting import fit, steps_per_epoch
    from models import build_model
    from optimizer import build_optimizer
    from provenance import code_digest, describe_environment, weights_digest
    from stop_signal import StopSignal
    from training_progress import Progress
    from workers import expect_agreement, join_workers, while_together

    parameters, cluster = args.hyperparameters, args.cluster
    device = set_up_device(args.threads, alone=cluster.size == 1, precision=args.precision)
    count = len(data.train.labels)

    with while_together(cluster), join_workers(cluster).scope():
        keras.utils.set_random_seed(parameters.seed)
        model = build_model(
            parameters.architecture,
            parameters.kernel_size,
            parameters.filters,
            synchronized=cluster.size > 1,
            precision=device.precision,
        )
        steps = parameters.epochs * steps_per_epoch(count, parameters.batch_size)
        optimizer = build_optimizer(parameters, model.trainable_variables, steps, device.fused_update)
        print(
            f"Training {parameters.candidate}, seed {parameters.seed}: {model.count_params():,} parameters, "
            f"{count:,} training and {len(data.validation.labels):,} validation images, {device.name}, "
            f"{device.precision}, threads: {args.threads}"
            + (f", host {cluster.rank + 1} of {cluster.size}" if cluster.size > 1 else ""),
            flush=True,
        )

        code = code_digest(Path(__file__).parent)
        checkpoints = Checkpoints(
            args.checkpoint_dir,
            {
                "hyperparameters": asdict(parameters),
                "precision": device.precision,
                "data_digest": data.digest,
                "code_digest": code,
            },
        )
        variables: list[Any] = [*model.variables, *optimizer.variables]
        progress = Progress()
        checkpoint = checkpoints.load([tuple(variable.shape) for variable in variables])
        if checkpoint is not None:
            progress = checkpoint.progress
            for variable, array in zip(variables, checkpoint.arrays, strict=True):
                variable.assign(array)
            print(
                f"Continuing after epoch {progress.epoch}/{parameters.epochs}, step {progress.step} of the next",
                flush=True,
            )
        start = f"data {data.digest}, code {code}, epoch {progress.epoch}, step {progress.step}"
        expect_agreement(cluster, "what the training starts from", start)

        def save(now: Progress) -> None:
            if cluster.is_chief:
                checkpoints.save(now, [variable.numpy() for variable in variables])

        with StopSignal() as stop:
            history = fit(
                model,
                optimizer,
                data,
                parameters,
                progress,
                save=save,
                stop_requested=lambda: stop.received,
                compile_steps=device.compile,
                steps_per_call=device.steps_per_call,
                cluster=cluster,
            )

        digest = weights_digest({variable.path: variable.numpy() for variable in model.weights})
        expect_agreement(cluster, "the weights", digest)
        if cluster.is_chief:
            environment = describe_environment(args, device, code, data.digest)
            export_model(args.model_dir, model, data, parameters, history, environment)
            checkpoints.finish()
            print(f"Wrote {args.model_dir}: weights_digest={digest}", flush=True)
        else:
            print(f"The first host writes the model: weights_digest={digest}", flush=True)
        # A host that left would be missed while the first still writes.
        expect_agreement(cluster, "the end", "")


if __name__ == "__main__":
    sys.exit(run_job(parse_args, main, sys.argv[1:]))
