"""Errors that users meet. Each says in one line what is wrong and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AspotError(Exception):
    """Base of every error that aspot raises on purpose (exit status 1)."""


class InputError(AspotError):
    """A case, quantity or argument that cannot be meant (exit status 2).

    The message names the field, the value and what is allowed.
    """


class ConvergenceError(AspotError):
    """A solver whose measured residual is above its limit.

    Parameters
    ----------
    message : str
    iterate : object, optional
        The best solution reached, for inspection.
    """

    def __init__(self, message: str, iterate: object = None) -> None:
        super().__init__(message)
        self.iterate = iterate


class ToleranceError(AspotError):
    """The requested relative tolerance was not reached within the limits of the backend."""


class MemoryLimitError(AspotError):
    """A case whose estimated memory exceeds what the machine offers."""


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if one is like it."""
    return next(iter(difflib.get_close_matches(str(word)[:60], list(known), n=1)), None)


def did_you_mean(near: str | None) -> str:
    """What an error adds where there is a word that was probably meant."""
    return f" (did you mean {near!r}?)" if near is not None else ""
