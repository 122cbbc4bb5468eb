"""Folders of results: every file is there whole or not at all, and nothing is touched before all are ready."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from aspot.errors import AspotError, InputError

#: What fills a file: called with its path.
Writer = Callable[[Path], object]


def check_directory(directory: str | Path, names: Collection[str] = ()) -> None:
    """Refuse an output folder that cannot be written, before anything is computed.

    Parameters
    ----------
    directory : str or Path
    names : collection of str
        Files that may be written there.

    Raises
    ------
    InputError
        If it is a file, or it (or the folder that it would be made in) may not be written.
    """
    path = Path(directory)
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"--out {path}: is a file; a folder is needed")
        for name in names:
            if (path / name).is_dir():
                raise InputError(f"--out {path}: {name} is a folder there, it must be a file")
        nearest = path.absolute()
        while not nearest.exists():
            nearest = nearest.parent
    except OSError as exc:
        raise InputError(f"--out {path}: {exc.strerror or exc}") from None
    if not nearest.is_dir():
        raise InputError(f"--out {path}: {nearest} is a file; a folder is needed")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"--out {path}: {nearest} may not be written")


def write_folder(directory: str | Path, writers: Mapping[str, Writer], owned: Collection[str] = ()) -> tuple[Path, ...]:
    """Write files to a folder, atomically.

    Everything is first written to a temporary folder inside the same parent (or inside the folder itself if the
    parent may not be written) and flushed to the disk; then a new folder is renamed into place, or the files of an
    existing one are replaced one by one. If anything fails before that, nothing existing has been touched. Of two that
    write to one folder at a time, the files of the last one stay, and no mixture.

    Parameters
    ----------
    directory : str or Path
    writers : mapping of str to callable
        File name -> what writes it, given the path.
    owned : collection of str
        Names that belong to the same kind of result: those of an earlier one that `writers` lacks are removed. Files
        of other names are kept.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    InputError
        If the folder cannot be written.
    AspotError
        If writing fails (a full disk, for example).
    """
    check_directory(directory, {*writers, *owned})
    path = Path(directory).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parent = path.parent if os.access(path.parent, os.W_OK) else path
        temporary = _beside(parent / path.name, Path.mkdir)
        try:
            for name, writer in writers.items():
                writer(temporary / name)
                _flush(temporary / name)
            _flush(temporary)
            with _without_interrupts():
                _move(temporary, path, list(writers), set(owned) - set(writers))
            _flush(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as exc:
        raise AspotError(f"{directory}: cannot be written: {exc.strerror or exc}") from exc
    return tuple(path / name for name in writers)


#: End of the names of files that are not complete yet.
PARTIAL = ".partial"


def write_file(path: str | Path, writer: Writer) -> None:
    """Write one file in a folder that exists, atomically: whatever happens, it is there whole, or as it was before.

    What a killed process leaves behind has a name that begins with a dot and ends in `PARTIAL`.

    Raises
    ------
    AspotError
        If writing fails.
    """
    path = Path(path).absolute()
    try:
        temporary = _beside(path, lambda new: new.touch(exist_ok=False), PARTIAL)
        try:
            writer(temporary)
            _flush(temporary)
            os.replace(temporary, path)
            _flush(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise AspotError(f"{path}: cannot be written: {exc.strerror or exc}") from exc


def _beside(path: Path, make: Callable[[Path], object], suffix: str = "") -> Path:
    """Something temporary of a name of its own; as public as the user's other files, other than by `tempfile`."""
    while True:
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}{suffix}")
        with suppress(FileExistsError):
            make(new)
            return new


def _move(temporary: Path, path: Path, names: Collection[str], stale: Collection[str]) -> None:
    if not path.exists():
        try:
            os.rename(temporary, path)
            return
        except OSError:
            # Another one was faster.
            if not path.is_dir():
                raise
    with _alone_in(path):
        for name in names:
            os.replace(temporary / name, path / name)
        for name in stale:
            (path / name).unlink(missing_ok=True)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Files of two results are not mixed by Ctrl-C or the end of a batch job: these wait.

    Handlers and no mask of signals, which would hold for one thread only: another one would let them through. Python
    runs handlers in the main thread, so that elsewhere nothing has to wait.
    """
    waiting: list[int] = []
    names = ("SIGHUP", "SIGTERM", "SIGINT") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler is not None}  # None: not Python's
    try:
        for number in before:
            signal.signal(number, lambda received, _: waiting.append(received))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(waiting):
            signal.raise_signal(number)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Other processes wait here, where the file system knows locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _flush(path: Path) -> None:
    """Force a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# JSON ---------------------------------------------------------------------------------------------------------------


def json_text(document: Mapping[str, Any]) -> str:
    """A document as strict JSON text, after `strict`."""
    return json.dumps(strict(document), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def strict(value: Any) -> Any:
    """The same value of what strict JSON can hold: NaN and infinity become None, arrays lists, complex [re, im].

    Raises
    ------
    TypeError
        If the value is of another kind.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return strict(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, complex):
        return [strict(value.real), strict(value.imag)]
    if isinstance(value, Mapping):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return strict(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [strict(v) for v in value]
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")
