"""Circuits as short text: "R-(RQ)_GB-(RQ)_Int", "R0-p(R1,Q1)-W".

The grammar::

    circuit  = chain
    chain    = item { ["-"] item }                       in series
    item     = element | group
    group    = ["p"] "(" branches ")" [label]            in parallel
             | "[" chain "]" [label]                     in series, inside a parallel group
    branches = branch { ["," | "|"] branch }
    branch   = item { "-" item }
    element  = symbol [label]          symbol: R C L Q (or CPE) W Ws Wo G
    label    = digits | "_" letters and digits

Inside round brackets neighbours are in parallel unless a hyphen joins them: (C,R-W) and (C[RW]) are the same. A label
behind a group is that of its elements that have none. What still has none is numbered: 0 on the chain, 1, 2, ... in the
groups in the order of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from aspot.analysis.circuits import ELEMENTS, Circuit, parallel, series
from aspot.errors import InputError

#: Longest text that is read, and deepest nesting of brackets.
_LONGEST, _DEEPEST = 300, 12

#: Symbols, longer ones before their beginnings.
_SYMBOLS = "|".join(sorted([*ELEMENTS, "CPE"], key=len, reverse=True))

_TOKEN = re.compile(
    rf"\s*(?:(?P<symbol>{_SYMBOLS})(?P<number>\d{{1,6}}|_[A-Za-z0-9]{{1,20}})?|(?P<parallel>p(?=\s*\())|"
    r"(?P<bracket>[()\[\]])|(?P<label>_[A-Za-z0-9]{1,20}|\d{1,6})|(?P<join>[-–,|]))"
)

#: Circuits by name.
PRESETS = MappingProxyType(
    {
        # T. Ortmann et al. (2022), doi 10.1002/aenm.202202712: grain boundaries and interface of Na | NZSP.
        "ortmann2022": "R-(RQ)_GB-(RQ)_Int",
        # Electrolyte, charge transfer with diffusion behind it, double layer: J. E. B. Randles (1947), doi
        # 10.1039/df9470100011.
        "randles": "R_0-(C_dl[R_ct-W])",
        # The same with a rough or uneven electrode.
        "randles-cpe": "R_0-(Q_dl[R_ct-W])",
        # Electrolyte between blocking electrodes: bulk, grain boundaries, double layer.
        "blocking": "(RQ)_bulk-(RQ)_GB-Q_dl",
        # Bulk and grain boundaries of a ceramic, and one interface, all resolved.
        "ceramic": "(RQ)_bulk-(RQ)_GB-(RQ)_Int",
        # Mixed conductor that exchanges a gas at its surface.
        "gerischer": "L-R-(RQ)-G",
    }
)


@dataclass
class _Item:
    """What was read: an element with its label so far, or a group of items."""

    symbol: str = ""
    label: str = ""
    is_parallel: bool = False
    members: tuple[_Item, ...] = ()


def circuit(text: str | Circuit) -> Circuit:
    """A circuit from text, or one of `PRESETS` by name; a circuit is returned as it is.

    Parameters
    ----------
    text : str or Circuit
        Such as "R-(RQ)_GB-(RQ)_Int", "R0-p(R1,Q1)-W", "randles".

    Raises
    ------
    InputError
        With the place in the text, if it is no circuit or two parameters would have one name.

    Examples
    --------
    >>> circuit("R-(RQ)_GB-(RQ)_Int").names
    ('R_0', 'R_GB', 'Q_GB', 'n_GB', 'R_Int', 'Q_Int', 'n_Int')
    >>> print(circuit("L R (C [R W])"))
    L0-R0-(C1,R1-W)
    """
    if isinstance(text, Circuit):
        return text
    if not isinstance(text, str):
        raise InputError(f"circuit = {text!r}: must be text such as 'R-(RQ)-(RQ)'")
    if len(text) > _LONGEST:
        raise InputError(f"circuit: at most {_LONGEST} characters, got {len(text)}")
    read = _Reader(PRESETS.get(text.strip(), text))
    made = _made(read.whole(), iter(range(1, _LONGEST)), "0")
    _ = made.parameters  # two of one name are an error now, not at the first use
    return made


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[tuple[str, str, int]]:
        place, end = 0, len(self.text.rstrip())
        while place < end:
            match = _TOKEN.match(self.text, place)
            if match is None:
                place += len(self.text[place:]) - len(self.text[place:].lstrip())
                raise self._error(
                    place, f"{self.text[place]!r} is no element; there are {', '.join(ELEMENTS)} (and CPE for Q)"
                )
            kind = match.lastgroup or ""
            if kind == "number":
                kind = "symbol"
            yield kind, match[0].strip(), match.end() - len(match[0].lstrip())
            place = match.end()

    def _error(self, place: int, message: str) -> InputError:
        return InputError(f"circuit {self.text!r}, character {place + 1}: {message}")

    def peek(self) -> str:
        """Kind of the next token, of brackets and joins themselves; empty at the end."""
        if self.at >= len(self.tokens):
            return ""
        kind, word, _ = self.tokens[self.at]
        return word.replace("–", "-") if kind in ("bracket", "join") else kind

    def next(self) -> tuple[str, int]:
        _, word, place = self.tokens[self.at]
        self.at += 1
        return word, place

    def unexpected(self, wanted: str) -> InputError:
        if self.at >= len(self.tokens):
            return self._error(len(self.text), f"{wanted} expected, but the text ends")
        _, word, place = self.tokens[self.at]
        return self._error(place, f"{wanted} expected, got {word!r}")

    def whole(self) -> _Item:
        items = self.chain("", 0)
        return _Item(members=tuple(items))

    def chain(self, end: str, depth: int) -> list[_Item]:
        """Items in series up to the closing bracket."""
        items = [self.item(depth)]
        while self.peek() != end:
            if self.peek() == "-":
                self.next()
            elif self.peek() not in ("symbol", "parallel", "(", "["):
                raise self.unexpected("an element, '-' or " + (repr(end) if end else "the end"))
            items.append(self.item(depth))
        return items

    def item(self, depth: int) -> _Item:
        if self.peek() == "symbol":
            word, _ = self.next()
            match = _TOKEN.match(word)
            assert match is not None
            symbol = "Q" if match["symbol"] == "CPE" else match["symbol"]
            return _Item(symbol=symbol, label=(match["number"] or "").removeprefix("_"))
        if self.peek() == "parallel":
            self.next()
        if self.peek() not in ("(", "["):
            raise self.unexpected("an element or a bracket")
        bracket, place = self.next()
        if depth >= _DEEPEST:
            raise self._error(place, f"brackets are nested more than {_DEEPEST} deep")
        if bracket == "[":
            group = _Item(members=tuple(self.chain("]", depth + 1)))
        else:
            group = _Item(is_parallel=True, members=tuple(self.branches(depth + 1)))
            if len(group.members) < 2:
                raise self._error(place, "round brackets are parallel and hold at least two branches")
        self.next()
        if self.peek() == "label":
            group.label = self.next()[0].removeprefix("_")
        return group

    def branches(self, depth: int) -> list[_Item]:
        """Branches in parallel up to the closing bracket."""
        found = []
        while True:
            items = [self.item(depth)]
            while self.peek() == "-":
                self.next()
                items.append(self.item(depth))
            found.append(items[0] if len(items) == 1 else _Item(members=tuple(items)))
            if self.peek() == ")":
                return found
            if self.peek() in (",", "|"):
                self.next()
            elif self.peek() not in ("symbol", "parallel", "(", "["):
                raise self.unexpected("an element, ',', '-' or ')'")


def _made(item: _Item, numbers: Iterator[int], label: str) -> Circuit:
    """The circuit, with the label that elements without one take."""
    if item.symbol:
        kind = ELEMENTS[item.symbol]
        # Diffusion elements have their symbol in the names of their parameters; a number is not needed.
        given = item.label or (label if item.symbol in "RCLQ" or not label.isdigit() else "")
        return kind(given)
    if item.is_parallel:
        number = str(next(numbers))
        inner = item.label or (number if label.isdigit() else label)
        return parallel(*(_made(m, numbers, inner) for m in item.members))
    return series(*(_made(m, numbers, item.label or label) for m in item.members))
