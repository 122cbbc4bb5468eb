"""Errors that users meet. Each says in one line what is wrong and what is allowed."""


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
