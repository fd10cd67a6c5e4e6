"""Pickle bytes that depend on values alone: not on identity, hash seed, or what memory held before."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

PROTOCOL = 5


class _CanonicalPickler(pickle._Pickler):
    """The standard library's pickler in Python, with its three sources of chance removed.

    Equal texts, bytes and dtypes become one object, since the memo of pickle goes by identity and so by what other
    code happened to intern. Sets are written in the order of their elements' own pickles. Structured arrays are
    copied field by field into zeroed memory, since padding between fields holds what was there before.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=PROTOCOL)
        self._shared: dict[tuple[type, Any], Any] = {}

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if type(obj) in (str, bytes):
            obj = self._shared.setdefault((type(obj), obj), obj)
        elif isinstance(obj, np.dtype):
            obj = self._shared.setdefault((np.dtype, repr(obj)), obj)
        super().save(obj, save_persistent_id)  # type: ignore[misc]

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is np.ndarray and not obj.dtype.hasobject:
            return _padding_cleared(obj).__reduce__()
        if type(obj) is set or type(obj) is frozenset:
            return type(obj), (sorted(obj, key=canonical_bytes),)
        return NotImplemented


def _padding_cleared(array: Any) -> Any:
    if not array.dtype.names:
        return array
    clean = np.zeros(array.shape, dtype=array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    return clean


def canonical_bytes(value: Any) -> bytes:
    """The pickle of `value`, the same for equal values built in the same way, in any process."""
    file = io.BytesIO()
    _CanonicalPickler(file).dump(value)
    return file.getvalue()
