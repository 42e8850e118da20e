"""Arguments, before a call begins: the generated code names no argument, shows values, and does not free what it has taken by then.

What is wrong is said by the argument's name and by types alone.
"""

from __future__ import annotations

import collections.abc
import typing
from dataclasses import fields
from typing import Any

#: Of whole numbers.
_RANGES = {"amount": (1, 999_999_999_999_999), "execution_date": (1_01_01, 9999_12_31)}


class Unusable(ValueError):
    """Says which argument, and why, and shows nothing of it."""


def text(name: str, value: Any, *, optional: bool = False) -> Any:
    """A text that can be handed over: an id, a name."""
    if value is None and optional:
        return None
    if not isinstance(value, str):
        raise Unusable(f"{name} is to be str, not {type(value).__name__}")
    return _whole(name, value)


def one_of(name: str, value: Any, kind: type[Any]) -> Any:
    """A member of an enum."""
    if not isinstance(value, kind):
        raise Unusable(f"{name} is to be {kind.__name__}, not {type(value).__name__}")
    return value


def flag(name: str, value: Any) -> bool:
    """A truth value: what else counts as one in Python is nobody's word."""
    if not isinstance(value, bool):
        raise Unusable(f"{name} is to be bool, not {type(value).__name__}")
    return value


def several(name: str, value: Any) -> None:
    """A list, and not the one thing that would be in it."""
    if not isinstance(value, collections.abc.Iterable):
        raise Unusable(f"{name} is to be a list, not {type(value).__name__}")


def secret(value: Any) -> None:
    """A secret, whose text would stay in memory."""
    if not isinstance(value, (bytes, bytearray)):
        raise Unusable(f"a secret is to be bytes or bytearray, not {type(value).__name__}")


def members(record: Any) -> dict[str, Any]:
    """The members of a dataclass of this package, each of the type that it says."""
    name, hints = type(record).__name__, typing.get_type_hints(type(record))
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    for member, value in found.items():
        place = f"{name}.{member}"
        if not _is(value, hints[member]):
            raise Unusable(f"{place} is to be {_called(hints[member])}, not {type(value).__name__}")
        if isinstance(value, str):
            _whole(place, value)
        if member in _RANGES and value is not None:
            least, most = _RANGES[member]
            if not least <= value <= most:
                raise Unusable(f"{place} is to be {least:,} to {most:,}")
    return found


def _is(value: Any, hint: Any) -> bool:
    if typing.get_origin(hint) is collections.abc.Sequence:
        (item,) = typing.get_args(hint)
        return isinstance(value, (list, tuple)) and all(isinstance(one, item) for one in value)
    # A truth value is an int to Python, and no amount to anybody.
    return isinstance(value, hint) and not isinstance(value, bool)


def _called(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("pathlib.", "").replace("collections.abc.", "")


def _whole(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Raised further down: behind it would be this one, which holds the text.
        whole = False
    else:
        whole = True
    if not whole:
        raise Unusable(f"{name} holds half a character")
    return value
