"""Zip archives as they are written: flags that lie about names, days before there were any, errors of many classes."""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from typing import IO

from winnow.formats.containers.inflate import Broken

ZIP_ERRORS = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, ValueError, RuntimeError, LookupError)


def open_zip(stream: IO[bytes]) -> zipfile.ZipFile:
    """The archive, its names decoded as cp437 where the standard library would give up on a false UTF-8 flag."""
    try:
        return zipfile.ZipFile(stream)
    except UnicodeDecodeError:
        stream.seek(0)
        content = bytearray(stream.read())
        for header in re.finditer(rb"PK\x01\x02", content):
            content[header.start() + 9 : header.start() + 10] = b"\x00"  # the high flag byte, bit 11: "names are UTF-8"
        try:
            return zipfile.ZipFile(io.BytesIO(content))
        except ZIP_ERRORS as error:
            raise Broken("corrupt", error) from error
    except ZIP_ERRORS as error:
        raise Broken("corrupt", error) from error


def zip_name(entry: zipfile.ZipInfo) -> str:
    """The name as UTF-8, whatever the flag says; bytes that are none stay as surrogates, which `harm` refuses."""
    if entry.flag_bits & 0x800:
        return entry.filename
    return entry.filename.encode("cp437", "surrogateescape").decode("utf-8", "surrogateescape")


def zip_day(entry: zipfile.ZipInfo) -> str | None:
    year, month, day = entry.date_time[:3]
    return f"{year:04}-{month:02}-{day:02}" if (year, month, day) > (1980, 1, 1) else None
