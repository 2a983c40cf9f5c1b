from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.view.board import Board, StepProgress


def progress_after(*lines: str) -> StepProgress:
    board = Board()
    for line in lines:
        board.log_line("Train", line)
    return board.snapshot().progress["Train"]


def test_progress_follows_the_latest_line_and_keeps_the_last_epochs_metrics() -> None:
    progress = progress_after(
        "progress=0.30 epoch=1/3 loss=0.5",
        "epoch=1/3 validation_accuracy=0.85",
        "a warning of some library",
        "progress=0.40 epoch=2/3 loss=0.4",
    )
    assert (progress.fraction, progress.epoch, progress.epochs) == (0.4, 2, 3)
    assert progress.finished is not None
    assert progress.finished.metrics == {"validation_accuracy": 0.85}


def test_after_the_last_epoch_the_bar_is_full_and_the_epoch_stays_the_last() -> None:
    progress = progress_after("epoch=2/3 train_loss=0.5", "epoch=3/3 train_loss=0.4")
    assert (progress.fraction, progress.epoch) == (1.0, 3)


def test_a_rounded_line_of_progress_does_not_push_the_bar_back() -> None:
    assert progress_after("epoch=1/3 train_loss=1", "progress=0.33 epoch=2/3").fraction == pytest.approx(
        1 / 3
    )


def test_a_training_that_starts_again_moves_the_bar_back() -> None:
    assert progress_after("progress=0.9 epoch=3/3", "progress=0.1 epoch=1/3").fraction == 0.1
    assert progress_after("epoch=3/3 train_loss=1", "epoch=1/3 train_loss=1").fraction == pytest.approx(1 / 3)


def test_only_the_line_of_an_epoch_is_handed_back() -> None:
    board = Board()
    assert board.log_line("Train", "progress=0.5 epoch=1/2") is None
    assert board.log_line("Train", "epoch=1/2 train_loss=1") is not None


def test_the_board_hands_back_the_record_before(make_record: Callable[..., Any]) -> None:
    board, record = Board(), make_record()
    assert board.snapshot().execution is None
    assert board.execution_changed(record) is None
    assert board.execution_changed(record) is record


def test_a_signal_handler_may_look_at_the_board_while_its_thread_changes_it() -> None:
    board = Board()

    class Interrupting(str):
        """A step's name that is interrupted when it is looked up, which is while the board is locked."""

        def __hash__(self) -> int:
            board.snapshot()
            return super().__hash__()

    thread = threading.Thread(
        target=board.log_line, args=(Interrupting("Train"), "progress=0.5"), daemon=True
    )
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_lines_of_many_threads_all_arrive() -> None:
    board = Board()

    def write(step: str) -> None:
        for epoch in range(1, 201):
            board.log_line(step, f"epoch={epoch}/200 train_loss=1")
            board.snapshot()

    threads = [threading.Thread(target=write, args=(f"Train-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {progress.epoch for progress in board.snapshot().progress.values()} == {200}
    assert len(board.snapshot().progress) == 8
