"""Text files before anybody parses them: encoding, header, separator. What is wrong is said with its place."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from typing import IO, cast

from signoff.core.errors import DataError, SettingsError
from signoff.core.settings import FileSource

CHUNK_BYTES = 1 << 20
SEPARATORS = (",", ";", "\t", "|")
COMMON_ENCODINGS = "utf-8, utf-16, cp1252, latin-1, shift_jis, gb18030"


class EncodingError(DataError):
    """Bytes that the stated encoding does not allow; `mixed` when other lines are rightly in it."""

    mixed = False


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked when the name ends in .gz."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def check_encoding(path: Path, source: FileSource, name: str, copy_to: Path) -> Path:
    """A UTF-8 file with the text of `path`: itself when it is UTF-8, else a decoded copy at `copy_to`.

    Raises:
        SettingsError: Python knows no such encoding.
        DataError: bytes that the encoding does not allow, with their line and offset; a packed file that was cut off.
    """
    try:
        codec = codecs.lookup(source.encoding)
    except LookupError as error:
        raise SettingsError(
            f"data.sources.{name}.encoding is not an encoding",
            where="signoff.yaml",
            got=source.encoding,
            allowed=f"{COMMON_ENCODINGS}, or any other that Python knows",
        ) from error
    plain = codec.name in ("utf-8", "ascii")
    try:
        with open_bytes(path) as file, io.BytesIO() if plain else copy_to.open("wb") as copy:
            _decode(file, copy if not plain else None, codec, path, source, name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path.name} is not a whole gzip file", where=str(path), got=error, next_step="copy the file again"
        ) from error
    return path if plain else copy_to


def _decode(
    file: IO[bytes], copy: IO[bytes] | None, codec: codecs.CodecInfo, path: Path, source: FileSource, name: str
) -> None:
    decoder = codec.incrementaldecoder("strict")
    offset = lines = 0
    wide = False
    while True:
        chunk = file.read(CHUNK_BYTES)
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            # Some codecs do not say where, such as UTF-16 that lacks its first mark.
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            data = error.object if isinstance(error, UnicodeDecodeError) else chunk
            line = lines + data[:start].count(b"\n") + 1
            place = f"{path}, line {line}, byte offset {offset - len(pending) + start}"
            mixed = wide or not data[:start].isascii() or _wide_later(data[start + 1 :] + file.read(), source.encoding)
            raise _wrong_bytes(path, source, name, place, data[start : start + 1], mixed) from error
        if copy is not None:
            copy.write(text.encode())
        if not chunk:
            return
        lines += chunk.count(b"\n")
        offset += len(chunk)
        wide = wide or not text.isascii()


def _wide_later(rest: bytes, encoding: str) -> bool:
    """Whether a later line holds more than ASCII, rightly encoded: another encoding would spoil it silently."""
    for line in rest.splitlines():
        with suppress(UnicodeError):
            if not line.isascii() and not line.decode(encoding).isascii():
                return True
    return False


def _wrong_bytes(path: Path, source: FileSource, name: str, where: str, wrong: bytes, mixed: bool) -> EncodingError:
    also = " although other lines hold such text: the file mixes encodings" if mixed else ""
    way = (
        "save the whole file in one encoding"
        if mixed
        else f"set data.sources.{name}.encoding in signoff.yaml, for instance cp1252 or latin-1"
    )
    error = EncodingError(
        f"{path.name} is not {source.encoding} text{also}",
        where=where,
        got=f"byte 0x{wrong.hex()}",
        allowed=COMMON_ENCODINGS,
        next_step=way,
    )
    error.mixed = mixed
    return error


def blank_lines(path: Path) -> int:
    """How many empty lines stand before the header of a UTF-8 CSV file."""
    with open_bytes(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        return sum(1 for _ in takewhile(lambda line: not line.strip(), text))


def read_header(path: Path, source: FileSource, name: str) -> tuple[list[str], str]:
    """Column names and separator of a UTF-8 CSV file.

    Raises:
        DataError: the file is empty, or two columns have one name, or one has none, or the header has no end.
        SettingsError: the delimiter is not one character.
    """
    with open_bytes(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        first = next((line for line in text if line.strip()), "")
        if not first:
            raise DataError(
                f"{path.name} is empty",
                where=str(path),
                got=f"{path.stat().st_size} bytes",
                allowed="a header and rows",
                next_step="copy the file again",
            )
        separator = source.delimiter or _separator(path, first)
        if len(separator) != 1 or separator in '"\r\n':
            raise SettingsError(
                f"data.sources.{name}.delimiter must be one character",
                where="signoff.yaml",
                got=repr(separator),
                allowed="',' or ';' or '\\t' or '|' or any other single character",
            )
        # A name in quotes may hold a line break, so the header may be longer than a line.
        header = _first_row(csv.reader(chain([first], text), delimiter=separator), path, first)
    names = [column.strip() for column in header]
    for index, column in enumerate(names):
        if not column:
            raise DataError(
                f"a column of {path.name} has no name",
                where=f"{path}, line 1, column {index + 1}",
                got=", ".join(names[:8]),
                next_step="name it in the first line",
            )
        if column.lower() in {other.lower() for other in names[:index]}:
            raise DataError(
                f"two columns of {path.name} have one name",
                where=f"{path}, line 1, column {index + 1}",
                got=column,
                allowed="each name once, upper and lower case not told apart",
                next_step="rename one of them in the first line",
            )
    return names, separator


def _first_row(rows: Iterator[list[str]], path: Path, first: str) -> list[str]:
    try:
        return next(rows)
    except csv.Error as error:
        raise DataError(
            f"the header of {path.name} cannot be read",
            where=f"{path}, line 1",
            got=first.strip()[:120],
            allowed='names with a separator between them, quotes in pairs: "text", with "" for a quote inside it',
            next_step="repair the first line",
        ) from error


def _separator(path: Path, header: str) -> str:
    if ".tsv" in path.suffixes:
        return "\t"
    bare = "".join(header.split('"')[::2])
    best = max(SEPARATORS, key=bare.count)
    return best if best in bare else ","
