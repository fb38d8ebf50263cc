# SPDX-License-Identifier: MIT
"""The C library as Python sees it: calls that raise, names of enums, who frees what when."""
from __future__ import annotations

import errno
import json
import os
import weakref
from array import array
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Sequence, Union

from ._native import ffi as ffi, lib as lib

# Arrays of 64-bit integers: numpy's, pandas', array.array; or anything of ints, which is copied.
Addresses = Union[bytes, bytearray, memoryview, 'array[int]', Iterable[int]]

_TEXTS: Mapping[str, Mapping[str, str]] = json.loads(
    Path(__file__).with_name('_errors.json').read_text(encoding='utf-8'))


class Error(OSError):
    """A call of the library failed: errno, and what its header says of that."""

    def __init__(self, code: int, function: str, index: int | None = None) -> None:
        name = errno.errorcode.get(code, str(code))
        said = _TEXTS.get(function, {}).get(name)
        text = f'{function}(): {name}, {said or os.strerror(code)}'
        if index is not None:
            text += f' (at index {index})'
        super().__init__(code, text)
        self.function = function
        self.index = index

    def __str__(self) -> str:
        return str(self.strerror)


def call(name: str, *args: Any) -> int:
    """lib.NAME(*args), whose negative result is raised."""
    result: int = getattr(lib, name)(*args)
    if result < 0:
        raise Error(-result, name)
    return result


def choices(enum: str) -> dict[str, int]:
    """{'read': 0}: the enumerators of "enum ...", less what they all begin with."""
    names: dict[int, str] = ffi.typeof(enum).elements
    prefix = os.path.commonprefix(list(names.values()))
    prefix = prefix[:prefix.rfind('_') + 1]
    return {names[value][len(prefix):].lower(): value for value in sorted(names)}


def choice(enum: str, name: str) -> int:
    """The number of an enumerator, by its short name."""
    known = choices(enum)
    if name not in known:
        raise ValueError(f'got {name!r}, expected one of {", ".join(known)}')
    return known[name]


def addresses(values: Addresses) -> Any:
    """A uint64_t[] over a buffer of 64-bit integers, which is not copied."""
    try:
        view = memoryview(values)  # type: ignore[arg-type]
    except TypeError:
        view = memoryview(array('Q', values))
    if view.itemsize != 8 or view.format.lstrip('@=') not in ('Q', 'L', 'q', 'l'):
        raise TypeError(f'got items of format {view.format!r}, expected 64-bit integers')
    return ffi.from_buffer('uint64_t[]', view)


def struct(value: Any, skip: Sequence[str] = ()) -> dict[str, Any]:
    """A C struct's fields as a dict; structs and arrays within are dicts and lists."""
    out: dict[str, Any] = {}
    for name, field in ffi.typeof(value).fields:
        if name in skip:
            continue
        item = getattr(value, name)
        if field.type.kind == 'struct':
            inner = struct(item)
            item = inner['v'] if list(inner) == ['v'] else inner
        elif field.type.kind == 'array' and field.type.item.kind == 'primitive':
            item = (ffi.string(item).decode() if field.type.item.cname == 'char' else list(item))
        out[name] = item
    return out


class Handle:
    """A C object; freed once nobody uses it, and before what it is built on."""

    def __init__(self, ptr: Any, free: Callable[[Any], None], *parents: Handle) -> None:
        self._ptr = ptr
        self._free = free
        self._parents = parents
        self._users = 1
        for parent in parents:
            parent._users += 1

    def drop(self) -> None:
        """One user less."""
        self._users -= 1
        if self._users == 0:
            self._free(self._ptr)
            for parent in self._parents:
                parent.drop()


class Owner:
    """What has a C object: freed by close(), at the end of a with, or when it is forgotten."""

    _handle: Handle

    def _own(self, ptr: Any, free: Callable[[Any], None], *parents: Owner) -> None:
        self._pointer = ptr
        self._handle = Handle(ptr, free, *(parent._handle for parent in parents))
        self._finalizer = weakref.finalize(self, self._handle.drop)

    @property
    def raw(self) -> Any:
        """The C object, for calls of stage2sim.lib."""
        if not self._finalizer.alive:
            raise ValueError(f'this {type(self).__name__} has been closed')
        return self._pointer

    def close(self) -> None:
        """Frees it, after what has been built on it."""
        self._finalizer()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
