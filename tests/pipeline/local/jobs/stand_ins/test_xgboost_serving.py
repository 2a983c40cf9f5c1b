"""The stand-in that serves models of SageMaker's built-in XGBoost: what it takes, answers and refuses."""

from __future__ import annotations

import http.client
import json
import pickle  # noqa: TID251 # what old images write
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.jobs.ports import reserve_ports
from pipeline.local.jobs.programs import Programs
from pipeline.local.jobs.stand_in import xgboost_stand_in
from tests.pipeline.local.workbench import Workbench

pytest.importorskip(
    "xgboost",
    reason="xgboost-cpu is locked for Linux only: elsewhere nothing tests this stand-in",
    exc_type=ImportError,
)
import numpy as np
import xgboost

from pipeline.local.jobs.stand_ins.xgboost_serving import Model, Refused, load

ROWS = np.array([[0.1, 5], [0.9, 5], [0.5, 2]], np.float32)
CSV = "0.1,5\n0.9,5\n0.5,2\n"


def trained(objective: str = "reg:squarederror", **more: Any) -> xgboost.Booster:
    data = xgboost.DMatrix(ROWS, label=[0, 1, 0])
    return xgboost.train(
        {"objective": objective, "min_child_weight": 0, "lambda": 0, **more}, data, num_boost_round=3
    )


def expected(booster: xgboost.Booster) -> list[Any]:
    values: list[Any] = booster.predict(xgboost.DMatrix(ROWS)).tolist()
    return values


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (CSV, "text/csv"),
        (CSV, ""),
        (CSV.rstrip(), "Text/CSV; charset=utf-8"),
        ("0 0:0.1 1:5\n1 0:0.9 1:5\n0 0:0.5 1:2\n", "text/x-libsvm"),
        ("0:0.1 1:5\n0:0.9 1:5\n0:0.5 1:2", "text/libsvm"),
    ],
)
def test_predictions_are_a_line_each_in_a_batch(payload: str, kind: str) -> None:
    booster = trained()
    model = Model(booster, batch=True)
    lines = model.answer(payload.encode(), kind).decode()
    assert lines.endswith("\n")
    assert [float(line) for line in lines.splitlines()] == expected(booster)


def test_elsewhere_predictions_are_on_one_line() -> None:
    booster = trained()
    answer = Model(booster, batch=False).answer(CSV.encode(), "text/csv").decode()
    assert [float(cell) for cell in answer.split(",")] == expected(booster)


def test_several_classes_are_a_list_each() -> None:
    booster = trained("multi:softprob", num_class=2)
    lines = Model(booster, batch=True).answer(CSV.encode(), "text/csv").decode().splitlines()
    assert [json.loads(line) for line in lines] == expected(booster)


def test_empty_cells_and_features_that_are_left_out_are_missing_or_zero() -> None:
    model = Model(trained(), batch=True)
    assert model.answer(b",5\n", "text/csv")
    # Without the last feature, which is then 0: no error of the number of features.
    assert model.answer(b"0:0.1\n", "text/libsvm")


@pytest.mark.parametrize(
    ("payload", "kind", "status", "message"),
    [
        (b"a,b\n", "text/csv", 415, "could not convert string to float"),
        (b"1,2\n1\n", "text/csv", 415, "rows of different lengths"),
        (b"1:x", "text/libsvm", 415, "could not convert"),
        (b"\xff", "text/csv", 415, "utf-8"),
        (b"{}", "application/json", 415, "application/json not supported"),
        (b"1,2,3\n", "text/csv", 400, "the data have 3 features, and the model 2"),
        (b"0:1 5:1\n", "text/libsvm", 400, "the data have 6 features"),
    ],
)
def test_what_it_does_not_take_is_refused(payload: bytes, kind: str, status: int, message: str) -> None:
    with pytest.raises(Refused, match=message) as refused:
        Model(trained(), batch=True).answer(payload, kind)
    assert refused.value.status == status


def test_both_forms_of_models_are_read(tmp_path: Path) -> None:
    booster = trained()
    file = tmp_path / "xgboost-model"
    for content in (booster.save_raw("ubj"), pickle.dumps(booster)):
        file.write_bytes(content)
        assert expected(load(tmp_path)) == expected(booster)
    file.write_bytes(pickle.dumps({"not": "a model"}))
    with pytest.raises(ValueError, match=r"holds no xgboost\.Booster"):
        load(tmp_path)
    file.unlink()
    with pytest.raises(ValueError, match="no file in"):
        load(tmp_path)


def test_it_serves_over_http_until_sigterm(tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_bytes(trained().save_raw("ubj"))
    with reserve_ports(1) as port:
        command = [sys.executable, *xgboost_stand_in("i", serving=True).command[1:]]
        process = subprocess.Popen([*command, "--model-dir", tmp_path, "--port", str(port)], env={})
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

            def ask(method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
                connection.request(method, path, body)
                answer = connection.getresponse()
                return answer.status, answer.read()

            while process.poll() is None:
                try:
                    assert ask("GET", "/ping") == (200, b"")
                    break
                except ConnectionRefusedError:
                    connection.close()
            status, parameters = ask("GET", "/execution-parameters")
            assert status == 200
            assert json.loads(parameters)["BatchStrategy"] == "MULTI_RECORD"
            assert ask("POST", "/invocations", b"1,2")[0] == 200
            assert ask("POST", "/invocations", b"1,x")[0] == 415
            assert ask("POST", "/invocations", b"") == (204, b"")
            assert ask("GET", "/other")[0] == 404
            connection.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


def test_it_serves_what_the_training_stand_in_made(bench: Workbench) -> None:
    pack = bench.home.root / "pack"
    pack.mkdir(exist_ok=True)
    from pipeline.local.jobs.archive import pack_folder

    (pack / "xgboost-model").write_bytes(trained().save_raw("ubj"))
    archive = bench.home.root / "packed.tar.gz"
    pack_folder(pack, archive)
    uri = bench.put("model", {"model.tar.gz": archive.read_bytes()}) + "model.tar.gz"
    bench.models["boosted"] = [{"Image": "1.dkr/sagemaker-xgboost:1.7-1", "ModelDataUrl": uri}]
    bench.run_programs(Programs(has_xgboost=True))
    source = {"S3DataType": "S3Prefix", "S3Uri": bench.put("in", {"a.csv": "x,0.1,5\ny,0.9,5\n"})}
    request = {
        "ModelName": "boosted",
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": bench.uri("out"), "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    }
    bench.run("Transform", request)
    rows = [line.split(",") for line in bench.get(bench.uri("out", "a.csv.out")).decode().splitlines()]
    assert [(name, round(float(value))) for name, value in rows] == [("x", 0), ("y", 1)]
