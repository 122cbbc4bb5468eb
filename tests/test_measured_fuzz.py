"""Whatever a file holds: one clear error, or points that are finite, distinct and sorted.

The long run is `python benchmarks/fuzz_readers.py --count 10000`.
"""

import random
from pathlib import Path

import instrument_files as files
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

#: Mutants of each format here; ten thousand in the long run.
COUNT = 200


@pytest.mark.parametrize("key", files.SAMPLES)
def test_damaged_files_are_refused_or_read_without_nonsense(key: str, tmp_path: Path) -> None:
    ending, data, _ = files.SAMPLES[key]
    path = tmp_path / f"damaged{ending}"
    outcomes = set()
    for i in range(COUNT):
        mutant = files.mutated(data, random.Random(f"{key}-{i}"))
        outcomes.add(files.what_reading_gives(files.replaced(path, mutant)))
    assert outcomes == {"read", "refused"}  # the mutants are neither all harmless nor all beyond reading


@pytest.mark.parametrize("key", files.SAMPLES)
def test_a_file_cut_anywhere_is_refused_or_has_fewer_points(key: str, tmp_path: Path) -> None:
    ending, data, _ = files.SAMPLES[key]
    path = tmp_path / f"cut{ending}"
    step = max(1, len(data) // 60)
    for end in range(0, len(data), step):
        files.what_reading_gives(files.replaced(path, data[:end]))


@given(st.binary(max_size=3000))
@example(b"VERSION8.0\n1\n0\n")
@example(b"EXPLAIN\nZCURVE\tTABLE\n\tFreq\tZreal\tZimag\n")
@example(b"\x00" * 6 + b"\xff" * 70)
@example(b"f,Z',Z''\n" + b"1,1,1\n" * 300)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    files.what_reading_gives(files.replaced(path, data))


WORDS = ["f/Hz", "Z'", "-Z''", "|Z|", "phase/deg", "1", "2.5", "-3e4", "1,5", "nan", "0", "1e5", "x", "End"]
MARKS = ["\t", ";", ",", " ", "\n", "\n", "\r\n", '"', "#", "10\t1\t-1\n", "Temp. [K]", "cycle number"]
FIRST = ["ZCURVE\tTABLE\n", "EXPLAIN\n", "Fixed value(s) :", "End Comments\n", "ZPLOT2 ASCII\n", "VERSION8.0\n"]
FIRST += ["Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\n", "EC-Lab ASCII FILE\nNb header lines : 3\n"]
FIRST += ["RelaxIS 3.0 Spectrum export\n", " Freq. [Hz]\t Zs' [Ohms]\t Zs'' [Ohms]\n", '{"aspot-spectrum"']


@given(st.lists(st.sampled_from([*WORDS, *MARKS, *FIRST]), max_size=60).map("".join))
def test_any_text_of_the_words_that_readers_look_for(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    files.what_reading_gives(files.replaced(path, text.encode()))


def test_the_check_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that lets a repeated frequency or an untyped error through does not pass."""
    path = tmp_path / "a.csv"
    path.write_bytes(files.csv())

    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("aspot.measured.reading.Source.of", broken)
    with pytest.raises(KeyError):
        files.what_reading_gives(path)
