"""Small files in the layouts of instruments, of our own making, and ways to damage them."""

import json
import math
import random
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from aspot import measured
from aspot.errors import InputError
from aspot.spectrum import Spectrum

#: Ten points over five decades, highest first.
FREQUENCY_HZ = np.logspace(5, 0.5, 10)


def impedance(frequency_Hz: np.ndarray = FREQUENCY_HZ, scale: float = 1.0) -> np.ndarray:
    """Series resistance and two arcs [ohm]; every point differs, all parts have about the same size."""
    s = 2j * np.pi * frequency_Hz
    return scale * (12.0 + 80.0 / (1 + s * 1e-4) + 150.0 / (1 + s * 3e-2))


Loops = Sequence[tuple[np.ndarray, np.ndarray]]
TWO_LOOPS: Loops = ((FREQUENCY_HZ, impedance()), (FREQUENCY_HZ, impedance(scale=1.5)))
ONE_LOOP: Loops = TWO_LOOPS[:1]


def _table(rows: Sequence[Sequence[float | str]], delimiter: str = "\t", decimal: str = ".", end: str = "\r\n") -> str:
    lines = (delimiter.join(v if isinstance(v, str) else f"{v:.7E}" for v in row) for row in rows)
    return "".join(line.replace(".", decimal) + end for line in lines)


def mpt(loops: Loops = TWO_LOOPS, decimal: str = ".", *, cycles: bool = True) -> bytes:
    settings = [
        "",
        "Potentio Electrochemical Impedance Spectroscopy",
        "",
        "Run on channel : 3 (SN 12345)",
        "Acquisition started on : 05/06/2024 10:11:12",
        "Device : VSP-300 (SN 6789)",
        "EC-Lab for windows v11.43 (software)",
        "Comments : pellet 7",
        "Electrode surface area : 0.283 cm\xb2",
        "E (V)               0.0000              ",
        "Va (mV)             10.0                ",
        "",
    ]
    names = ["freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm", "|Z|/Ohm", "Phase(Z)/deg", "time/s", "cycle number", "Re(Y)/Ohm-1"]
    rows = [
        [f, z.real, -z.imag, abs(z), math.degrees(np.angle(z)), 1.0, float(n if cycles else 0), (1 / z).real]
        for n, (fs, zs) in enumerate(loops, start=1)
        for f, z in zip(fs, zs, strict=True)
    ]
    head = ["EC-Lab ASCII FILE", f"Nb header lines : {len(settings) + 3}                          ", *settings]
    text = "".join(line + "\r\n" for line in head).replace(".", decimal)
    return (text + "\t".join(names) + "\t\r\n" + _table(rows, decimal=decimal)).encode("latin-1")


def _module(name: bytes, data: bytes, version: int) -> bytes:
    head = b"MODULE" + name.ljust(10) + b"long name".ljust(25)
    if version >= 10:
        return head + struct.pack("<IIII", 0xFFFFFFFF, len(data), 0, version) + b"05/06/24" + data
    return head + struct.pack("<II", len(data), version) + b"05/06/24" + data


def mpr(loops: Loops = TWO_LOOPS, version: int = 3, *, modulus: bool = True, extra: Sequence[int] = ()) -> bytes:
    """`extra`: further columns of 4 bytes by number, written as zero."""
    columns = [1, 3, 4, 32, *([36] if modulus else []), 37, 38, 24, *extra]
    if version == 0:
        columns = [c for c in columns if c < 256]
    start, kind = {0: (100, "<B"), 2: (405, "<H"), 3: (406, "<H"), 10: (1007, ">H"), 11: (1007, ">H")}[version]
    records = b""
    count = 0
    for n, (fs, zs) in enumerate(loops, start=1):
        for f, z in zip(fs, zs, strict=True):
            count += 1
            values = {1: ("B", 0), 4: ("d", 0.5 * count), 32: ("f", f), 36: ("f", abs(z)), 37: ("f", z.real)}
            values |= {38: ("f", -z.imag), 24: ("d", float(n))}
            for c in columns:
                if c != 3:  # shares the byte of column 1
                    letter, value = values.get(c, ("f", 0.0))
                    records += struct.pack("<" + letter, value)
    numbers = b"".join(struct.pack(kind, c) for c in columns)
    data = (struct.pack("<IB", count, len(columns)) + numbers).ljust(start, b"\0") + records
    settings = bytearray(0x300)
    struct.pack_into("<f", settings, 0x211, 0.283)
    magic = b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + b"\0\0\0\0"
    other = 10 if version >= 10 else 0
    return magic + _module(b"VMP Set", bytes(settings), other) + _module(b"VMP data", data, version)


def dta(loops: Loops = TWO_LOOPS, decimal: str = ".", *, aborted: bool = False) -> bytes:
    lines = [
        "EXPLAIN",
        "TAG\tEISPOT",
        "TITLE\tLABEL\tPotentiostatic EIS\tTest &Identifier",
        "DATE\tLABEL\t5/6/2024\tDate",
        "TIME\tLABEL\t10:11:12\tTime",
        "PSTAT\tPSTAT\tREF600-1\tPotentiostat",
        "VAC\tQUANT\t1.00000E+001\tAC &Voltage (mV rms)",
        "AREA\tQUANT\t2.83000E-001\t&Area (cm^2)",
        "OCVCURVE\tTABLE\t1",
        "\tPt\tT\tVf",
        "\t#\ts\tV vs. Ref.",
        "\t0\t0.258333\t-3.46699E-001",
    ]
    for fs, zs in loops:
        lines += ["ZCURVE\tTABLE", "\tPt\tTime\tFreq\tZreal\tZimag\tZsig\tZmod\tZphz\tIdc\tVdc\tIERange"]
        lines += ["\t#\ts\tHz\tohm\tohm\tV\tohm\t\xb0\tA\tV\t#"]
        for i, (f, z) in enumerate(zip(fs, zs, strict=True)):
            phase = math.degrees(np.angle(z))
            numbers = [f, z.real, z.imag, 1.0, abs(z), phase, -2e-6, -0.34]
            lines.append(f"\t{i}\t{3 * i}\t" + "\t".join(f"{v:.7g}" for v in numbers) + "\t7")
    if aborted:
        lines.append("EXPERIMENTABORTED\tTOGGLE\tT\tExperiment Aborted")
    return "".join(line.replace(".", decimal) + "\r\n" for line in lines).encode("latin-1")


def zplot(loops: Loops = TWO_LOOPS) -> bytes:
    n = sum(len(fs) for fs, _ in loops)
    head = [
        "ZPLOT2 ASCII",
        "  Measured Data, ZPlot:       3.5a",
        "  Experiment Type:            Sweep Frequency, Control Voltage",
        "  Date:                       5-6-2024",
        "  Time:                       10:11:12",
        "    Potential-AC:             10",
        "    Surface Area:             0.283",
        f"  Data Points:                {n}",
        "  Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\tGD\tErr\tRange",
        "End Comments",
    ]
    rows = [[f, 0.01, 0.0, 1.0, z.real, z.imag, 0.0, "0", "3"] for fs, zs in loops for f, z in zip(fs, zs, strict=True)]
    return ("\n".join(head) + "\n" + _table(rows, end="\n")).encode()


def zplot_old(loops: Loops = ONE_LOOP) -> bytes:
    n = sum(len(fs) for fs, _ in loops)
    head = ['"ZPlotW Data File: Version 3.2c"', '"Raw Data"', '"Sweep Frequency: Control Voltage"']
    head += ["Date: 5-6-2024    Time: 10:11:12", '""', '"Frequency"', "0,3,0,1,300000,0.005", str(n)]
    head += ["\"  Freq (Hz)    Ampl     Bias   Time(Sec)   Z'(a)    Z''(b)    GD   Err   Range\""]
    rows = [[f, 0.01, 0.0, 1.0, z.real, z.imag, 0.0, "0", "5"] for fs, zs in loops for f, z in zip(fs, zs, strict=True)]
    return ("\n".join(head) + "\n" + _table(rows, delimiter=", ", end="\n")).encode()


def dfr(loops: Loops = ONE_LOOP) -> bytes:
    ((fs, zs),) = loops
    lines = ["VERSION8.0", str(len(fs)), "0"]
    for f, z in zip(fs, zs, strict=True):
        lines += [f"{v:.7E}" for v in (f, z.real, -z.imag, 0.1, 1e-6, 3.0, 0.0, 0.0, 0.0)]
    return ("\r\n".join(lines) + "\r\n").encode()


def nova(loops: Loops = ONE_LOOP, delimiter: str = ";", decimal: str = ",") -> bytes:
    names = ["Index", "Frequency (Hz)", "Z' (Ω)", "-Z'' (Ω)", "Z (Ω)", "-Phase (°)", "Time (s)"]
    rows = [
        [str(i + 1), f, z.real, -z.imag, abs(z), -math.degrees(np.angle(z)), 1.0]
        for fs, zs in loops
        for i, (f, z) in enumerate(zip(fs, zs, strict=True))
    ]
    return (delimiter.join(names) + "\r\n" + _table(rows, delimiter, decimal)).encode("utf-8-sig")


def ism(loops: Loops = ONE_LOOP, overlap: int = 3) -> bytes:
    """`overlap`: points measured upwards before the sweep."""
    ((fs, zs),) = loops
    f = np.concatenate([fs[overlap:0:-1], fs])
    z = np.concatenate([zs[overlap:0:-1] * 1.01, zs])
    n = f.size
    arrays = b"".join(np.asarray(a, ">f8").tobytes() for a in (f, np.abs(z), np.angle(z), 1.4e9 + np.arange(n)))
    texts = ["050624", "Pellet", "0V", "0A", "25C", "1s", "comment", "", "", "", "0.283"]
    tail = b"".join(struct.pack(">h", len(t)) + t.swapcase().encode() for t in texts)
    head = (4).to_bytes(6, "big") + (n - 1).to_bytes(6, "big")
    return head + arrays + np.ones(n, ">i2").tobytes() + tail + bytes(40)


def zahner_text(loops: Loops = ONE_LOOP) -> bytes:
    head = ["Zahner Thales", "Potential...: 0.1V", "Time........: 10:11:12 - 10:20:00", ""]
    names = ["Number", "Frequency/Hz", "Impedance/Ohm", "Phase/deg", "Significance", "Time/s"]
    rows = [
        [str(i), f, abs(z), math.degrees(np.angle(z)), "0.999", 1.0]
        for fs, zs in loops
        for i, (f, z) in enumerate(zip(fs, zs, strict=True))
    ]
    return ("\r\n".join(head) + "\r\n" + ",".join(names) + "\r\n" + _table(rows, ",")).encode()


def relaxis(loops: Loops = TWO_LOOPS) -> bytes:
    text = "RelaxIS 3.0 Spectrum export\r\nDate: 5/6/2024 10:11:12 AM\r\n"
    for n, (fs, zs) in enumerate(loops, start=1):
        text += "Data: Frequency\tData: Z'\tData: Z''\tData: |Z|\tData: Theta (Z)\r\n"
        text += f"FV2={n}, AC=0.01\tModel: Unassigned Spectra\t(WE/RE Spectrum) pellet{n}.txt\t\t\r\n"
        rows = [[f, z.real, z.imag, abs(z), math.degrees(np.angle(z))] for f, z in zip(fs, zs, strict=True)]
        text += _table(rows)
    return text.encode()


def novocontrol(loops: Loops = TWO_LOOPS, *, parallel: bool = False) -> bytes:
    head = ["pellet 7, 5.6.2024, 10:11"]
    head += [
        "Diameter[mm] 6.000e+00  Thickness[mm] 2.000e+00  Spacer Capacity[pF] 0.000e+00  Spacer Area[mm^2] 0.000e+00"
    ]
    head += ["Fixed value(s) :  AC Volt  [Vrms]=1.0000e-02"]
    other = [" Zp' [Ohms]", "  Cp' [F]"] if parallel else [" Zs' [Ohms]", " Zs'' [Ohms]"]
    names = [" Freq. [Hz]", " Temp. [K]", " Eps'    ", *other, "M Temp [K]"]
    rows = []
    for n, (fs, zs) in enumerate(loops):
        for i, (f, z) in enumerate(zip(fs, zs, strict=True)):
            y = 1 / z
            pair = [1 / y.real, y.imag / (2 * np.pi * f)] if parallel else [z.real, z.imag]
            rows.append([f, 298.15 + 20 * n, 30.0, *pair, 298.0 + 20 * n + 0.01 * i])
    return ("\r\n".join(head) + "\r\n" + "\t".join(names) + "\r\n" + _table(rows)).encode("latin-1")


def csv(
    loops: Loops = ONE_LOOP,
    names: Sequence[str] | None = ("freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm"),
    delimiter: str = ",",
    decimal: str = ".",
    values: Callable[[float, complex], Sequence[float]] = lambda f, z: (f, z.real, -z.imag),
) -> bytes:
    rows = [values(f, z) for fs, zs in loops for f, z in zip(fs, zs, strict=True)]
    head = "" if names is None else delimiter.join(names) + "\n"
    return (head + _table(rows, delimiter, decimal, "\n")).encode()


def own_csv() -> bytes:
    return _own().to_csv().encode()


def own_json() -> bytes:
    return _own().to_json().encode()


def _own() -> Spectrum:
    return Spectrum(frequency_Hz=FREQUENCY_HZ, impedance_ohm_cm2=impedance(), temperature_K=298.15)


#: Format -> (ending, content, format name that reading must report).
SAMPLES: dict[str, tuple[str, bytes, str]] = {
    "mpt": (".mpt", mpt(), "BioLogic .mpt"),
    "mpt-comma": (".mpt", mpt(decimal=","), "BioLogic .mpt"),
    "mpr-0": (".mpr", mpr(version=0), "BioLogic .mpr"),
    "mpr-3": (".mpr", mpr(version=3), "BioLogic .mpr"),
    "mpr-11": (".mpr", mpr(version=11), "BioLogic .mpr"),
    "gamry": (".DTA", dta(), "Gamry .DTA"),
    "gamry-comma": (".DTA", dta(decimal=","), "Gamry .DTA"),
    "zplot": (".z", zplot(), "ZPlot/ZView .z"),
    "zplot-old": (".z", zplot_old(), "ZPlot/ZView .z"),
    "autolab-dfr": (".dfr", dfr(), "Autolab FRA .dfr"),
    "autolab-nova": (".csv", nova(), "Autolab Nova export"),
    "zahner-ism": (".ism", ism(), "Zahner .ism"),
    "zahner-text": (".txt", zahner_text(), "Zahner text export"),
    "relaxis": (".txt", relaxis(), "RelaxIS export"),
    "novocontrol": (".txt", novocontrol(), "Novocontrol export"),
    "novocontrol-parallel": (".txt", novocontrol(parallel=True), "Novocontrol export"),
    "table": (".csv", csv(), "table"),
    "table-nameless": (".txt", csv(names=None, delimiter="\t", values=lambda f, z: (f, z.real, z.imag)), "table"),
    "aspot-csv": (".csv", own_csv(), "aspot spectrum"),
    "aspot-json": (".json", own_json(), "aspot spectrum"),
}


# --- damage -----------------------------------------------------------------------------------------------------------

_WORDS = [
    *(
        b"nan",
        b"NaN",
        b"inf",
        b"-inf",
        b"1e999",
        b"-1e999",
        b"1e-400",
        b"0",
        b"-0.0",
        b"--",
        b"",
        b" ",
        b"1,5",
        b"1.5",
        b"1.2.3",
    ),
    *(
        b"1_000",
        b"0x10",
        b"\xd9\xa1\xd9\xa2",
        b"9" * 400,
        b"1e5",
        b"-5",
        b"+-3",
        b"1e",
        b"e5",
        b"#N/A",
        b"\t\t",
        b";;",
        b",,",
    ),
    *(
        b"\r",
        b"\n\n",
        b"\x00",
        b"\xff\xff\xff\xff",
        b"\x1a",
        b'"',
        b"'",
        b"\xb2",
        b"1.0E+0510",
        b"Infinity",
        b"1E+308",
        b"\xc2\xa0",
    ),
]
_NUMBERS = {"f": (math.nan, math.inf, -1.0, 0.0, 3e38), "d": (math.nan, math.inf, -1.0, 0.0, 1e300)}
_WHOLE = {"I": (0, 1, 0xFFFFFFFF, 0x7FFFFFFF), "H": (0xFFFF, 0, 300)}
_PATTERNS = [struct.pack(o + k, v) for o in "<>" for k, values in (_NUMBERS | _WHOLE).items() for v in values]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to four random changes: bytes, slices, words, lines, separators, encodings, truncation, repetition."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = _CHANGES[rng.randrange(len(_CHANGES))](data, rng)
    return data


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randrange(len(data) + 1)


def _span(data: bytes, rng: random.Random, most: int = 40) -> tuple[int, int]:
    a = _place(data, rng)
    return a, min(len(data), a + rng.randrange(most))


def _flip(data: bytes, rng: random.Random) -> bytes:
    a = _place(data, rng)
    return data[:a] + bytes([rng.randrange(256)]) + data[a + 1 :]


def _digit(data: bytes, rng: random.Random) -> bytes:
    digits = [i for i, b in enumerate(data) if 48 <= b <= 57] or [0]
    a = rng.choice(digits)
    return data[:a] + rng.choice((b"0", b"9", b"-", b".", b",", b"E", b"", b"x", b"1", b" ")) + data[a + 1 :]


def _delete(data: bytes, rng: random.Random) -> bytes:
    a, b = _span(data, rng)
    return data[:a] + data[b:]


def _copy(data: bytes, rng: random.Random) -> bytes:
    a, b = _span(data, rng, 400)
    c = _place(data, rng)
    return data[:c] + data[a:b] + data[c:]


def _word(data: bytes, rng: random.Random) -> bytes:
    a, b = _span(data, rng, 12)
    return data[:a] + rng.choice(_WORDS) + data[b if rng.random() < 0.5 else a :]


def _pattern(data: bytes, rng: random.Random) -> bytes:
    a = _place(data, rng)
    pattern = rng.choice(_PATTERNS)
    return data[:a] + pattern + data[a + len(pattern) :]


def _field(data: bytes, rng: random.Random) -> bytes:
    """Another word instead of one field of one line."""
    lines = data.split(b"\n")
    i = rng.randrange(len(lines))
    mark = rng.choice((b"\t", b",", b";"))
    fields = lines[i].split(mark)
    fields[rng.randrange(len(fields))] = rng.choice(_WORDS)
    lines[i] = mark.join(fields)
    return b"\n".join(lines)


def _truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: _place(data, rng)]


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif what == 1:
        del lines[i]
    elif what == 2:
        lines.insert(j, lines[i])
    elif what == 3:
        tail = lines[i:]
        rng.shuffle(tail)
        lines[i:] = tail
    else:
        lines = lines[:i] + lines[i:][::-1]
    return b"\n".join(lines)


def _replace(data: bytes, rng: random.Random) -> bytes:
    marks = (b"\t", b",", b";", b".", b" ", b"\r\n", b"\n", b"\r", b"E", b"-", b"Z", b"Hz", b"Ohm", b"'", b"/")
    old, new = rng.choice(marks), rng.choice(marks)
    return data.replace(old, new, -1 if rng.random() < 0.5 else rng.randrange(1, 5))


def _encode(data: bytes, rng: random.Random) -> bytes:
    text = data.decode("latin-1")
    encoding = rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-8"))
    return text.encode(encoding)


def _repeat(data: bytes, rng: random.Random) -> bytes:
    if len(data) > 20_000:
        return data
    return data * rng.randrange(2, 6)


_CHANGES = (
    _flip,
    _flip,
    _digit,
    _digit,
    _delete,
    _copy,
    _word,
    _word,
    _pattern,
    _field,
    _field,
    _truncate,
    _lines,
    _lines,
)
_CHANGES += (_replace, _replace, _encode, _repeat)


def replaced(path: Path, data: bytes) -> Path:
    """Write a file anew: much faster than to truncate one, which some file systems flush to the disk."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    return path


def what_reading_gives(path: Path) -> str:
    """Read a file: "refused", or "read" after checks of everything that reading promises.

    Raises whatever breaks the promise: an error that is no InputError, a warning, a kept point that is not finite, a
    frequency twice or out of order, an error without the name of the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            sweeps = measured.read(path)
        except InputError as error:
            if str(path) not in str(error) or len(str(error)) > 2000 or "\n" in str(error):
                raise AssertionError(f"not one line with the file's name: {error}") from error
            return "refused"
        assert sweeps
        for m in sweeps:
            f, z, keep = m.frequency_Hz, m.impedance_ohm, m.is_kept
            assert np.all(np.diff(f) <= 0)
            assert np.all(np.diff(f[keep]) < 0)
            assert np.all(np.isfinite(f) & (f > 0))
            assert np.all(np.isfinite(z[keep]) & (z[keep] != 0))
            assert all(bool(reason) != kept for reason, kept in zip(m.excluded, keep, strict=True))
            if keep.any():
                spectrum = m.spectrum(None if m.is_per_area else 1.0)
                assert len(spectrum) == keep.sum()
                assert np.all(np.isfinite(spectrum.impedance_ohm_cm2))
                json.loads(spectrum.to_json(), parse_constant=_refuse)
            repr(m)
    return "read"


def _refuse(name: str) -> float:
    raise ValueError(name)
