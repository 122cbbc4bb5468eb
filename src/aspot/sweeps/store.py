"""The folder of a sweep: what is finished, in files that are there whole or not at all, written by one process.

DIR/sweep.json           what is swept, and the versions
DIR/cases/00000001.jsonl finished cases: a line for the file, then one line for each case
DIR/sweep.nc, table.csv  the data set, made from the cases
DIR/.lock                held while a sweep runs
"""

from __future__ import annotations

import datetime
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aspot.errors import AspotError, InputError
from aspot.folder import PARTIAL, check_directory, strict, write_file

_FORMAT, _FORMAT_VERSION = "aspot-sweep", 1
_CASES_FORMAT = "aspot-sweep-cases"

#: Names in the folder.
MANIFEST, CASES, LOCK = "sweep.json", "cases", ".lock"
DATA_SET, TABLE = "sweep.nc", "table.csv"

Record = dict[str, Any]


class Store:
    """The folder of one sweep, while its lock is held; see `opened`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        #: Files that could not be read and were set aside.
        self.damaged: list[str] = []
        self._next = 1 + max((int(p.stem) for p in self._files()), default=0)

    def _files(self) -> list[Path]:
        found = (self.directory / CASES).glob("*.jsonl")
        return sorted(path for path in found if path.stem.isascii() and path.stem.isdigit())

    def manifest(self) -> dict[str, Any] | None:
        """What an earlier run wrote about the sweep, if there was one.

        Raises
        ------
        InputError
            If the file is not of a sweep, or of a later version of the format.
        """
        path = self.directory / MANIFEST
        if not path.exists():
            return None
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != _FORMAT:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"--out {self.directory}: {MANIFEST} there is not of a sweep of aspot") from None
        if document.get("format_version") != _FORMAT_VERSION or not isinstance(document.get("sweep"), dict):
            raise InputError(f"--out {self.directory}: {MANIFEST} there was written by another version of aspot")
        return dict(document)

    def write_manifest(self, document: Mapping[str, Any]) -> None:
        """Replace what is known of the sweep."""
        full = {"format": _FORMAT, "format_version": _FORMAT_VERSION, **document}
        _write_lines(self.directory / MANIFEST, [line(full)])

    def records(self) -> Iterator[tuple[Record, Mapping[str, str]]]:
        """Every finished case with the versions that computed it, the earliest first.

        A file that is damaged, by whatever, is renamed, and the cases that it held count as not finished.
        """
        for path in self._files():
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
                head, *records = [json.loads(line) for line in lines]
                if head["format"] != _CASES_FORMAT or len(records) != head["cases"]:
                    raise ValueError
                versions = {str(k): str(v) for k, v in head["versions"].items()}
                if not all(isinstance(r["digest"], str) and r["status"] in ("done", "failed") for r in records):
                    raise ValueError
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                os.replace(path, path.with_suffix(".damaged"))
                self.damaged.append(path.name)
                continue
            for record in records:
                yield record, versions

    def append(self, records: Sequence[str], versions: Mapping[str, str]) -> None:
        """Land finished cases, each as `line` writes it: in one new file, on the disk when this returns.

        Raises
        ------
        AspotError
            If it cannot be written; what was there before is untouched.
        """
        if not records:
            return
        head = {"format": _CASES_FORMAT, "cases": len(records), "versions": dict(versions), "written": now()}
        _write_lines(self.directory / CASES / f"{self._next:08d}.jsonl", [line(head), *records])
        self._next += 1


def now() -> str:
    """Date and time, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def line(document: Mapping[str, Any]) -> str:
    """A record, or another document, as one line of strict JSON."""
    # Plain ASCII: some characters beyond it end a line for some readers.
    return json.dumps(strict(document), allow_nan=False, separators=(",", ":"))


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    write_file(path, lambda temporary: temporary.write_text("\n".join(lines) + "\n", encoding="utf-8"))


@contextmanager
def opened(directory: str | Path) -> Iterator[Store]:
    """The folder of a sweep, made if need be; nobody else can open it meanwhile.

    Raises
    ------
    InputError
        If it cannot be written, or holds something else.
    AspotError
        If another sweep writes to it.
    """
    path = Path(directory).absolute()
    check_directory(directory, {MANIFEST, DATA_SET, TABLE})
    try:
        (path / CASES).mkdir(parents=True, exist_ok=True)
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"--out {directory}: {error.strerror or error}") from None
    try:
        _lock(handle, path)
        _clean(path, handle)
        try:
            yield Store(path)
        finally:
            _leave(path, handle)
    finally:
        os.close(handle)


def _clean(path: Path, handle: int) -> None:
    """Say who holds the lock, and remove what a killed run left half written."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
    try:
        os.truncate(handle, 0)
        os.pwrite(handle, json.dumps(owner).encode(), 0)
        for folder in (path, path / CASES):
            for left in folder.glob(f".*{PARTIAL}"):
                left.unlink(missing_ok=True)
    except OSError as error:
        raise AspotError(f"{path}: cannot be written: {error.strerror or error}") from None


def _leave(path: Path, handle: int) -> None:
    """Let go of the folder; one in which nothing was begun is as it was before."""
    with suppress(OSError):
        os.truncate(handle, 0)
        if not (path / MANIFEST).exists():
            (path / CASES).rmdir()
            (path / LOCK).unlink()
            path.rmdir()


def _lock(handle: int, path: Path) -> None:
    """Take the lock: the system's, which ends with the process that holds it, or else the name written there."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        is_held = True
    except (ImportError, OSError):
        is_held = False  # a file system without locks, or no fcntl
    try:
        owner = json.loads(os.pread(handle, 10_000, 0) or b"{}")
        pid, host, since = int(owner["pid"]), str(owner["host"]), str(owner["since"])
    except (ValueError, KeyError, TypeError):
        pid, host, since = 0, "?", "?"
    if not is_held and (pid == 0 or (host == socket.gethostname() and not _lives(pid))):
        return
    hint = "wait for it or stop it" if is_held else f"if it runs no more, remove {path / LOCK}"
    raise AspotError(f"{path}: another sweep writes there (process {pid} on {host} since {since}); {hint}")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
