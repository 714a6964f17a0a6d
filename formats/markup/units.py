r"""Quantities of siunitx as people write them: `\SI{3}{\kilo\metre}` is 3 km, `\numrange{1}{9}` 1 to 9."""

from __future__ import annotations

import re

PREFIXES = {
    "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n", "micro": "µ", "milli": "m",
    "centi": "c",
    "deci": "d", "deca": "da", "deka": "da", "hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T",
    "peta": "P",
    "exa": "E", "zetta": "Z", "yotta": "Y", "kibi": "Ki", "mebi": "Mi", "gibi": "Gi", "tebi": "Ti",
}  # fmt: skip
UNITS = {
    "metre": "m", "meter": "m", "gram": "g", "kilogram": "kg", "second": "s", "ampere": "A", "kelvin": "K",
    "mole": "mol",
    "candela": "cd", "hertz": "Hz", "newton": "N", "pascal": "Pa", "joule": "J", "watt": "W", "coulomb": "C",
    "volt": "V",
    "farad": "F", "ohm": "Ω", "siemens": "S", "weber": "Wb", "tesla": "T", "henry": "H", "lumen": "lm", "lux": "lx",
    "becquerel": "Bq", "gray": "Gy", "sievert": "Sv", "katal": "kat", "radian": "rad", "steradian": "sr",
    "celsius": "°C",
    "degreeCelsius": "°C", "degree": "°", "arcminute": "′", "arcsecond": "″", "minute": "min", "hour": "h", "day": "d",
    "litre": "L", "liter": "L", "tonne": "t", "hectare": "ha", "electronvolt": "eV", "dalton": "Da",
    "atomicmassunit": "u",
    "percent": "%", "bit": "bit", "byte": "B", "decibel": "dB", "bel": "B", "neper": "Np", "bar": "bar",
    "angstrom": "Å",
    "astronomicalunit": "au", "parsec": "pc", "lightyear": "ly", "knot": "kn", "clight": "c", "elementarycharge": "e",
    "cm": "cm", "mm": "mm", "km": "km", "m": "m", "um": "µm", "nm": "nm", "dm": "dm", "pm": "pm", "kg": "kg", "g": "g",
    "mg": "mg",
    "ug": "µg", "s": "s", "ms": "ms", "us": "µs", "ns": "ns", "ps": "ps", "Hz": "Hz", "kHz": "kHz", "MHz": "MHz",
    "GHz": "GHz",
    "N": "N", "kN": "kN", "Pa": "Pa", "kPa": "kPa", "MPa": "MPa", "J": "J", "kJ": "kJ", "eV": "eV", "keV": "keV",
    "MeV": "MeV",
    "GeV": "GeV", "TeV": "TeV", "W": "W", "kW": "kW", "mW": "mW", "MW": "MW", "V": "V", "mV": "mV", "kV": "kV", "A": "A",
    "mA": "mA",
    "uA": "µA", "K": "K", "l": "l", "ml": "ml", "mL": "mL", "L": "L", "mol": "mol", "mmol": "mmol", "F": "F", "pF": "pF",
    "nF": "nF",
    "uF": "µF", "dB": "dB", "kWh": "kWh",
}  # fmt: skip
POWERS = {"squared": "²", "cubed": "³"}
BEFORE = {"square": "²", "cubic": "³"}
COMMANDS = {
    "SI": 2, "qty": 2, "num": 1, "si": 1, "unit": 1, "ang": 1, "SIrange": 3, "qtyrange": 3, "numrange": 2,
    "SIlist": 2, "qtylist": 2, "numlist": 1,
}  # fmt: skip
"""How many groups each takes. `\\unit` and `\\qty` of other packages take other things, and few."""
PART = re.compile(
    r"\\([A-Za-z]+)\s*(?:\{([^{}]*)\})?|\^\{([^{}]*)\}|\^(-?\d)|_\{([^{}]*)\}|([.~])|\\,|([^\\^_.~]+|.)", re.DOTALL
)
EXPONENT = re.compile(r"\s*+([+-]?+\d*+(?:\.\d*+)?+)\s*+[eEdD]\s*+([+-]?+\d++)\s*+")


def quantity(command: str, groups: list[str]) -> str:
    """What a command of siunitx typesets, as text."""
    values = [group.strip() for group in groups]
    if command == "ang":
        return "".join(number(part) + mark for part, mark in zip(values[0].split(";"), "°′″", strict=False) if part)
    if command in ("si", "unit"):
        return unit(values[0])
    if command == "num":
        return number(values[0])
    named = unit(values[-1]) if command not in ("numrange", "numlist") else ""
    behind = named if not named or named in "°′″" else f" {named}"
    if command in ("SI", "qty"):
        return number(values[0]) + behind
    if command.endswith("range"):
        return f"{number(values[0])}{behind} to {number(values[1])}{behind}"
    listed = [number(value) + behind for value in values[0].split(";")]
    return ", ".join(listed[:-1]) + (" and " if len(listed) > 1 else "") + listed[-1]


def number(written: str) -> str:
    """`1.5e3` as 1.5 × 10^3, `3x4` as 3 × 4, `1 +- 2` as 1 ± 2."""
    written = (
        written.replace("\\pm", "±")
        .replace("+-", "±")
        .replace("~", " ")
        .replace("\\times", "x")
        .replace("{", "")
        .replace("}", "")
    )
    parts = []
    for factor in re.split(r"(?:(?<!\s)\s++)?+x\s*+", written.strip()):
        if found := EXPONENT.fullmatch(factor):
            power = f"10^{found[2].lstrip('+')}"
            parts.append(f"{found[1]} × {power}" if found[1] else power)
        else:
            parts.append(re.sub(r"(?:(?<!\s)\s++)?+±\s*+", " ± ", factor).strip() if "±" in factor[1:] else factor)
    return " × ".join(parts)


def unit(written: str) -> str:
    """`\\kilo\\metre\\per\\second\\squared` as km/s², `m.s^{-1}` as m·s^-1."""
    out = before = ""
    divided = False
    for macro, argument, power, short, index, blank, literal in PART.findall(written):
        if macro in PREFIXES:
            out = _times(out, divided) + PREFIXES[macro]
            divided = False
            out += "\0"
        elif macro == "per":
            divided = True
        elif macro in POWERS:
            out += POWERS[macro]
        elif macro in BEFORE:
            before = BEFORE[macro]
        elif macro in ("tothe", "raiseto"):
            out += f"^{argument}"
        elif macro == "of":
            out += f" {argument}"
        elif macro:
            sign = UNITS.get(macro, macro)
            out = (out.removesuffix("\0") if out.endswith("\0") else _times(out, divided)) + sign + before
            divided, before = False, ""
        elif power or short:
            out += f"^{power or short}"
        elif index:
            out += f"_{index}"
        elif blank:
            out += "·" if blank == "." else " "
        elif literal:
            out += literal
    return out.replace("\0", "").strip()


def _times(out: str, divided: bool) -> str:
    """What stands before the next unit: a stroke, a dot, or nothing at the beginning."""
    if divided:
        return f"{out or '1'}/"
    return out if not out or out.endswith((" ", "·", "/")) else f"{out}·"
