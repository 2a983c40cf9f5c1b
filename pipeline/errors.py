"""The exceptions of this project. Only the command line catches FashionError; a bug shows its traceback.

Every message says what was being done, what was wrong with which value, and what to do next, in plain English:
"Could not write F: No space left on device.", "--again 0 is not a number from 1 up." tests/messages.py prints all.
"""

from pipeline.printable import without_userinfo


class FashionError(Exception):
    """A mistake or a fault that the user can do something about. `exit_status` is what the command returns."""

    exit_status = 1

    def __init__(self, message: str) -> None:
        """The message tells no password of a URL, whatever it was made of."""
        super().__init__(without_userinfo(message))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows below a notebook's cell: the message, as on the command line."""
        return [f"error: {self}"]


class UsageError(FashionError):
    """The command, a parameter or a setting is wrong: nothing was started."""

    exit_status = 2


class DefinitionError(UsageError):
    """A pipeline definition is malformed, or uses what the local engine does not support."""


class CredentialsError(UsageError):
    """AWS credentials or the region are missing, out of date or not accepted."""


class PreflightFailed(UsageError):
    """The AWS account lacks something that a run needs; the message lists all of it, each with its hint."""


class AwsError(FashionError):
    """AWS refused, failed, or could not be reached; the message says what was asked of it."""


class DataError(FashionError):
    """The data set is missing, damaged, or not the one that was expected."""


class StateError(FashionError):
    """The state folder cannot be used: not a folder, not writable, full, or written by a newer version."""


class StepFailed(FashionError):
    """A step of an execution failed; the message is the step's failure reason.

    `fault` is the exception type that SageMaker's retry policies would know it by; None leaves that to its cause.
    """

    def __init__(self, message: str, fault: str | None = None) -> None:
        super().__init__(message)
        self.fault = fault


class RegistryError(FashionError):
    """A model of the registry cannot be used: it is damaged, not approved, or there is none to choose."""


class UnknownVersion(RegistryError, UsageError):
    """The registry has no version of the number that the user named."""


class NotebookError(FashionError):
    """What a notebook's cell asked for cannot be done."""
