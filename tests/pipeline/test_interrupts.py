import os
import signal
import threading

import pytest

from pipeline.interrupts import interrupt_on_signals, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_interrupts_nothing(number):
    stop = threading.Event()
    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        assert stop.wait(5)


def test_the_handlers_of_before_are_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals(threading.Event()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def send_and_wait(number):
    os.kill(os.getpid(), number)
    threading.Event().wait(5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_watching_as_ctrl_c_does(number):
    before = signal.getsignal(number)
    with interrupt_on_signals(), pytest.raises(KeyboardInterrupt):
        send_and_wait(number)
    assert signal.getsignal(number) is before
