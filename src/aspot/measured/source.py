"""The file of an instrument: looked at before it is read, then bytes, text and lines with their numbers."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aspot.errors import InputError

#: Larger files are no impedance spectra [bytes]; looked at before reading.
MOST_BYTES = 32 * 2**20
#: Longer lines are no lines of a table [characters].
LONGEST_LINE = 20_000
#: More lines than this are refused.
MOST_LINES = 200_000

_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file that has been read.

    Parameters
    ----------
    path : str
        As the user gave it; named in every error.
    data : bytes
    """

    path: str
    data: bytes

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Source:
        """Read a file that is a regular one and not too large.

        Raises
        ------
        InputError
            If it cannot be read, is empty, no regular file, or larger than `MOST_BYTES`.
        """
        name = os.fspath(path)
        try:
            state = os.stat(name)
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"{name}: is not a file")
            if state.st_size > MOST_BYTES:
                raise InputError(
                    f"{name}: has {state.st_size / 2**20:.0f} MiB; files of measured spectra may have at most "
                    f"{MOST_BYTES // 2**20} MiB"
                )
            with open(name, "rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            raise InputError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if len(data) > MOST_BYTES:  # it grew meanwhile
            raise InputError(f"{name}: has more than {MOST_BYTES // 2**20} MiB")
        if not data.strip(b"\0\t\r\n "):
            raise InputError(f"{name}: is empty")
        return cls(path=name, data=data)

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def text(self) -> str:
        """The content as text: UTF-8 or UTF-16 by its mark, else UTF-8 if it is valid, else Windows-1252.

        Raises
        ------
        InputError
            If it holds bytes that no text has.
        """
        data = self.data
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            encodings = ["utf-16"]
        elif data.startswith(b"\xef\xbb\xbf"):
            encodings = ["utf-8-sig"]
        else:
            encodings = ["utf-8", "cp1252", "latin-1"]
        for encoding in encodings:
            try:
                text = data.decode(encoding)
                break
            except UnicodeDecodeError as error:
                reason = f"byte {error.start} is not {encoding}"
        else:
            raise InputError(f"{self.path}: is not the text that its first bytes promise: {reason}")
        wrong = _CONTROL.search(text)
        if wrong is not None:
            line = len(_LINE_END.findall(text, 0, wrong.start())) + 1
            raise self.error(f"character {ord(wrong[0]):#04x}, which no text has: a binary or damaged file", line=line)
        return text

    @cached_property
    def is_text(self) -> bool:
        """Whether the content can be text."""
        try:
            return bool(self.text)
        except InputError:
            return False

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text without their ends.

        Raises
        ------
        InputError
            If it is no text, has too many lines, or a line is too long.
        """
        if self.text.count("\n") > MOST_LINES:
            raise InputError(f"{self.path}: has more than {MOST_LINES} lines")
        lines = tuple(_LINE_END.split(self.text))
        if len(lines) > MOST_LINES:
            raise InputError(f"{self.path}: has more than {MOST_LINES} lines")
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_LINE:
                raise self.error(f"{len(line)} characters", f"at most {LONGEST_LINE}", line=number)
        return lines

    def error(self, found: str, allowed: str = "", *, line: int | None = None) -> InputError:
        """One sentence that names file, line (counted from 1), what was found and what is allowed."""
        where = self.path if line is None else f"{self.path}, line {line}"
        return InputError(f"{where}: {found}" + (f"; allowed: {allowed}" if allowed else ""))


def shown(text: str, length: int = 60) -> str:
    """Text for a message: quoted, cut, without control characters."""
    return repr(text if len(text) <= length else text[: length - 3] + "...")
