"""A CSV of old customers, read a chunk at a time from any byte on: what cannot be read is one row
with its line and reason, and the rows after it are read all the same.

UTF-8 with or without a byte order mark, commas, quotes as in RFC 4180, one header row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

ROWS_IN_CHUNK = 100
_LONGEST_LINE_BYTES = 16 * 1024
_MOST_LINES_IN_ROW = 10
_MARK = b"\xef\xbb\xbf"

TITLES = {
    "name": ("name", "姓名", "顾客姓名"),
    "phone": ("phone", "mobile", "telephone", "手机", "手机号", "电话", "联系电话"),
    "birthday": ("birthday", "date of birth", "生日", "出生日期"),
    "sex": ("sex", "gender", "性别"),
    "email": ("email", "e-mail", "邮箱", "电子邮件"),
    "wechat_id": ("wechat_id", "wechat", "微信", "微信号"),
    "address": ("address", "地址", "住址"),
    "guardian_name": ("guardian_name", "guardian", "监护人", "监护人姓名"),
    "guardian_phone": ("guardian_phone", "监护人电话", "监护人手机"),
    "guardian_relationship": ("guardian_relationship", "relationship", "监护人关系", "关系"),
}
"""Columns as the service names them, with the titles they may carry in a file."""

_COLUMN_OF_TITLE = {title: column for column, titles in TITLES.items() for title in titles}


@dataclass(frozen=True)
class RawRow:
    """One row of the file: the line it begins at, its cells, and why they could not be read."""

    line: int
    cells: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some rows of a file, and where the next ones begin. `failure` ends the whole file; its text
    says where, and never what stands there: a file without a header begins with a person."""

    byte: int = 0
    columns: tuple[str, ...] = ()
    rows: tuple[RawRow, ...] = ()
    next_byte: int = 0
    next_line: int = 1
    is_last: bool = False
    failure: str = ""
    failure_text: str = ""


@dataclass(frozen=True)
class _Line:
    """One physical line without its end; `text` is None when it is longer than any row may be."""

    text: bytes | None
    size: int


def read_chunk(
    pieces: Iterable[bytes],
    *,
    byte: int = 0,
    line: int = 1,
    columns: tuple[str, ...] = (),
    most_rows: int = ROWS_IN_CHUNK,
) -> Chunk:
    """Return the rows that stand at a byte of the file. `pieces` are its bytes from there on;
    `columns` are those of its header, which is read when none are given."""
    reader = _Reader(_Lines(pieces), byte=byte, line=line)
    if not columns:
        columns, failure, text = reader.header()
        if failure:
            return Chunk(byte=byte, failure=failure, failure_text=text, is_last=True)
    rows: list[RawRow] = []
    while len(rows) < most_rows:
        row = reader.row(len(columns))
        if row is None:
            break
        if any(cell.strip() for cell in row.cells) or row.problem:
            rows.append(row)
    return Chunk(
        byte=byte,
        columns=columns,
        rows=tuple(rows),
        next_byte=reader.byte,
        next_line=reader.line,
        is_last=len(rows) < most_rows,
    )


@dataclass
class _Lines:
    """The physical lines of a stream of bytes. A line may be given back."""

    pieces: Iterable[bytes]
    _given_back: list[_Line] = field(default_factory=list)
    _source: Iterator[_Line] | None = None

    def next(self) -> _Line | None:
        """Return the next line, or None at the end."""
        if self._given_back:
            return self._given_back.pop()
        if self._source is None:
            self._source = _split(self.pieces)
        return next(self._source, None)

    def give_back(self, lines: list[_Line]) -> None:
        """Let lines come again, in their order."""
        self._given_back.extend(reversed(lines))


def _split(pieces: Iterable[bytes]) -> Iterator[_Line]:
    """Yield lines without ever holding more than one piece and the longest line."""
    held, dropped = b"", 0
    for piece in pieces:
        held += piece
        *whole, held = held.split(b"\n")
        for text in whole:
            yield _line(text, dropped, end=1)
            dropped = 0
        if len(held) > _LONGEST_LINE_BYTES:
            dropped, held = dropped + len(held), b""
    if held or dropped:
        yield _line(held, dropped, end=0)


def _line(text: bytes, dropped: int, *, end: int) -> _Line:
    size = dropped + len(text) + end
    is_too_long = size > _LONGEST_LINE_BYTES
    return _Line(None if is_too_long else text.removesuffix(b"\r"), size)


@dataclass
class _Reader:
    """Reads rows, and knows the byte and the line it stands at."""

    lines: _Lines
    byte: int
    line: int

    def header(self) -> tuple[tuple[str, ...], str, str]:
        """Return the columns, or why the file cannot be read at all and where."""
        first = self._take()
        if first is None:
            return (), "FILE_EMPTY", "the file has no row"
        if first.text is not None:
            first = replace(first, text=first.text.removeprefix(_MARK))
        row = _read(first, self.line - 1)
        if row.problem:
            return (), row.problem, "the header cannot be read"
        titles = [cell.strip().casefold() for cell in row.cells]
        unknown = [n for n, title in enumerate(titles, 1) if title not in _COLUMN_OF_TITLE]
        if unknown:
            return (), "HEADER_UNKNOWN", f"unknown title of {_columns(unknown)}"
        columns = tuple(_COLUMN_OF_TITLE[title] for title in titles)
        repeated = [n for n, one in enumerate(columns, 1) if columns.count(one) > 1]
        if repeated:
            return (), "HEADER_REPEATED", f"the same title of {_columns(repeated)}"
        return (columns, "", "") if "name" in columns else ((), "HEADER_INCOMPLETE", "no name")

    def row(self, width: int) -> RawRow | None:
        """Return the next row, or None at the end of the file."""
        begins = self.line
        first = self._take()
        if first is None:
            return None
        if not _is_open(first):
            return _fitting(_read(first, begins), width)
        more = self._lines_to_close(first)
        row = _read(_joined([first, *more]), begins) if more else None
        if row is None or row.problem or len(row.cells) != width:
            self._put_back(more)
            return RawRow(begins, (), "QUOTE_UNCLOSED")
        return row

    def _lines_to_close(self, first: _Line) -> list[_Line]:
        """Return the lines that close the quote; none when no line near enough does."""
        more: list[_Line] = []
        while len(more) < _MOST_LINES_IN_ROW - 1:
            following = self._take()
            if following is None:
                break
            more.append(following)
            if following.text is None:
                break
            if not _is_open(_joined([first, *more])):
                return more
        self._put_back(more)
        return []

    def _take(self) -> _Line | None:
        taken = self.lines.next()
        if taken is not None:
            self.byte += taken.size
            self.line += 1
        return taken

    def _put_back(self, lines: list[_Line]) -> None:
        self.lines.give_back(lines)
        self.byte -= sum(one.size for one in lines)
        self.line -= len(lines)


def _columns(numbers: list[int]) -> str:
    return f"column {', '.join(map(str, numbers))}"


def _is_open(line: _Line) -> bool:
    return line.text is not None and line.text.count(b'"') % 2 == 1


def _joined(lines: list[_Line]) -> _Line:
    return _Line(b"\n".join(one.text or b"" for one in lines), sum(one.size for one in lines))


def _read(line: _Line, number: int) -> RawRow:
    if line.text is None:
        return RawRow(number, (), "ROW_TOO_LONG")
    try:
        text = line.text.decode("utf-8")
        cells = next(csv.reader([text], strict=True), [])
    except UnicodeDecodeError:
        return RawRow(number, (), "NOT_UTF8")
    except csv.Error:
        return RawRow(number, (), "QUOTE_MISPLACED")
    return RawRow(number, tuple(cells))


def _fitting(row: RawRow, width: int) -> RawRow:
    is_blank = not any(cell.strip() for cell in row.cells)
    if row.problem or is_blank or len(row.cells) == width:
        return row
    return RawRow(row.line, (), "COLUMNS_DIFFER")
