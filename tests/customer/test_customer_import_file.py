"""A file of old customers, read in chunks: what is wrong costs its own row and no other."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from customer.country import Country
from customer.guardian import Relationship
from customer.import_file import Chunk, RawRow, read_chunk
from customer.import_row import newcomer
from customer.person import Sex

CHINA = Country(phone_region="CN", time_zone="Asia/Shanghai", adult_age_years=18)
COLUMNS = ("name", "phone", "birthday", "sex", "guardian_name", "guardian_phone")


def chunks(data: bytes, *, piece: int = 7, rows: int = 2) -> Iterator[Chunk]:
    """Read a file as the worker does: each chunk from the byte where the one before ended."""
    chunk = read_chunk(_pieces(data, 0, piece), most_rows=rows)
    yield chunk
    while not chunk.is_last:
        chunk = read_chunk(
            _pieces(data, chunk.next_byte, piece),
            byte=chunk.next_byte,
            line=chunk.next_line,
            columns=chunk.columns,
            most_rows=rows,
        )
        yield chunk


def _pieces(data: bytes, offset: int, size: int) -> Iterator[bytes]:
    for start in range(offset, len(data), size):
        yield data[start : start + size]


def rows_of(data: bytes, **how: int) -> list[RawRow]:
    return [row for chunk in chunks(data, **how) for row in chunk.rows]


cell = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12
) | st.sampled_from(["王芳", 'He said "hi"', "a,b", "line\nbreak"])
table = st.lists(st.tuples(cell.filter(str.strip), cell, cell), max_size=9)


@given(table, st.integers(1, 40), st.integers(1, 5), st.booleans())
def test_any_cutting_of_a_file_gives_the_same_rows(
    people: list[tuple[str, str, str]], piece: int, rows: int, has_mark: bool
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["姓名", "手机", "地址"])
    writer.writerows(people)
    data = (b"\xef\xbb\xbf" if has_mark else b"") + out.getvalue().encode()

    read = rows_of(data, piece=piece, rows=rows)

    assert [row.cells for row in read] == people
    assert not any(row.problem for row in read)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_random_bytes_after_the_header_never_raise_and_every_byte_is_worked_through(
    noise: bytes, piece: int
) -> None:
    data = b"name,phone\n" + noise
    last = list(chunks(data, piece=piece))[-1]
    assert last.is_last
    assert last.next_byte == len(data)


def test_a_bad_row_is_reported_with_its_line_and_those_around_it_are_read() -> None:
    data = (
        "name,phone\n王芳,13800138000\n".encode()
        + b"\xce\xf7\xbe\xc5,13800138001\n"  # GBK
        + b'"unclosed,13800138002\n'
        + b"too,many,cells\n"
        + b"\n"
        + b"x" * 20_000
        + b",1\n"
        + b"Ann Lee,13800138003\r\n"
    )

    read = {row.line: (row.problem, row.cells) for row in rows_of(data, piece=1000)}

    assert read == {
        2: ("", ("王芳", "13800138000")),
        3: ("NOT_UTF8", ()),
        4: ("QUOTE_UNCLOSED", ()),
        5: ("COLUMNS_DIFFER", ()),
        7: ("ROW_TOO_LONG", ()),
        8: ("", ("Ann Lee", "13800138003")),
    }


@pytest.mark.parametrize(
    ("data", "failure", "text"),
    [
        (b"", "FILE_EMPTY", "the file has no row"),
        ("王芳,13800138000\n".encode(), "HEADER_UNKNOWN", "unknown title of column 1, 2"),
        ("姓名,手机,肤色\n".encode(), "HEADER_UNKNOWN", "unknown title of column 3"),
        (b"phone,birthday\n", "HEADER_INCOMPLETE", "no name"),
        ("name,phone,姓名\n".encode(), "HEADER_REPEATED", "the same title of column 1, 3"),
        ("姓名,手机\n".encode("gbk"), "NOT_UTF8", "the header cannot be read"),
    ],
)
def test_a_file_whose_header_cannot_be_understood_fails_as_a_whole_and_says_where(
    data: bytes, failure: str, text: str
) -> None:
    assert [(chunk.failure, chunk.failure_text) for chunk in chunks(data)] == [(failure, text)]


def row(*cells: str) -> RawRow:
    return RawRow(2, cells)


def test_a_row_of_a_child_names_its_guardian() -> None:
    found = newcomer(
        row("王小明", "", "2016年5月1日", "男", "王芳", "138-0013-8000"), COLUMNS, CHINA
    )

    assert (found.person.sex, found.person.birthday) == (Sex.MALE, date(2016, 5, 1))
    assert found.guardian is not None
    assert found.guardian.phone_e164 == "+8613800138000"
    assert found.relationship is Relationship.OTHER_GUARDIAN


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        (("", "", "", "", "", ""), "name"),
        (("王芳", "12", "", "", "", ""), "phone"),
        (("王芳", "", "1988-02-30", "", "", ""), "birthday"),
        (("王芳", "", "2988-01-01", "", "", ""), "birthday"),
        (("王芳", "", "", "?", "", ""), "sex"),
        (("王芳", "", "", "", "王强", ""), "guardian_phone"),
        (("王芳", "", "", "", "", "13800138000"), "guardian_name"),
        (("王\u0007芳", "", "", "", "", ""), "name"),
        (("王" * 101, "", "", "", "", ""), "name"),
    ],
)
def test_what_is_wrong_with_a_row_names_the_column_and_never_the_value(
    cells: tuple[str, ...], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        newcomer(row(*cells), COLUMNS, CHINA)
    assert refused.value.problems[0].field == field
    assert not any(cell in refused.value.text for cell in cells if len(cell) > 2)
