"""What reading an .npz file that is damaged, or no such file, raises. Found by changing bytes of real ones."""

from __future__ import annotations

import tokenize
import zipfile
import zlib

UNREADABLE: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    NotImplementedError,  # a compression method that is none
    tokenize.TokenError,  # an array's header
    zipfile.BadZipFile,
    zlib.error,
)
