import os
import signal

from stop_signal import StopSignal


def test_sigterm_is_noted_while_entered_and_handled_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignal() as stop:
        received = [stop.received]
        os.kill(os.getpid(), signal.SIGTERM)
        received.append(stop.received)
    assert received == [False, True]
    assert signal.getsignal(signal.SIGTERM) == before
