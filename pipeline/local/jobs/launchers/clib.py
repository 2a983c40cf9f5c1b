"""Calls into the C library, for what runs before a job's program, as ctypes makes them.

ctypes makes a callback when it is imported, for which libffi looks for memory that can be executed: 5 ms for each
job. Its own extension module has all that is needed here.
"""

import _ctypes


class c_int(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: N801 (as ctypes calls it)
    """C's int."""

    _type_ = "i"


class c_ulong(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    """C's unsigned long, which is also its size_t."""

    _type_ = "L"


class c_uint32(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    """32 bits without a sign."""

    _type_ = "I"


class c_uint64(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    """64 bits without a sign."""

    _type_ = "Q"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = c_int


class _Library:
    """What this process has loaded: its attributes are functions that return an int and leave get_errno()."""

    _handle = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> "_Function":
        return _Function((name, self))  # type: ignore[arg-type]


libc = _Library()
byref, get_errno, Structure = _ctypes.byref, _ctypes.get_errno, _ctypes.Structure
