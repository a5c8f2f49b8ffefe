import codecs
import csv
import io
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules import csvs
from sequences.rules.csvs import Dialect, has_header, rows, sniff

PEOPLE = [["name", "email", "città"], ["Zoë Müller", "zoe@acme.test", "Köln; Süd"]]


def written(table: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    return out.getvalue()


def read(data: bytes) -> list[list[str]]:
    return [list(row) for row in rows(io.BytesIO(data), sniff(data))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", b""),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("cp1252", b""),
    ],
)
def test_every_usual_encoding_separator_and_line_end_is_read(delimiter, end, encoding, mark):
    data = mark + written(PEOPLE, delimiter, end).encode(encoding)

    assert sniff(data) == Dialect(encoding, delimiter)
    assert read(data) == PEOPLE


@given(
    st.lists(
        st.lists(
            st.text(
                st.characters(exclude_characters="\x00\r\ufeff", exclude_categories=["Cs"]),
                min_size=1,
                max_size=20,
            ).filter(str.strip),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.integers(1, 40),
)
def test_what_was_written_is_read_however_it_is_cut_into_pieces(table, delimiter, size):
    data = written(table, delimiter).encode()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]

    assert list(rows(pieces, Dialect("utf-8", delimiter))) == table


@given(st.binary(max_size=500))
def test_any_bytes_are_read(data):
    dialect = sniff(data)

    found = list(rows(io.BytesIO(data), dialect))

    assert all(len(row) >= len(found[0]) for row in found)
    assert all("\x00" not in cell for row in found for cell in row)


@given(st.lists(st.sampled_from(['"', '""', ",", "\n", "a", "\r"]), max_size=60).map("".join))
def test_the_lines_are_numbered_upwards_in_any_mess(text):
    numbers = [row.line for row in rows([text.encode()], Dialect("utf-8", ","))]

    assert numbers == sorted(set(numbers))
    assert all(1 <= number <= text.count("\n") + text.count("\r") + 1 for number in numbers)


def test_a_quoted_cell_may_hold_separators_quotes_and_line_breaks():
    data = b'name,note\nAna,"one, ""two""\r\nthree"\n'

    assert read(data) == [["name", "note"], ["Ana", 'one, "two"\nthree']]


def test_short_rows_are_filled_up_and_long_ones_say_so():
    found = list(rows([b"a,b,c\n1\n1,2,3,4\n1,2,3,,\n"], Dialect("utf-8", ",")))

    assert found == [["a", "b", "c"], ["1", "", ""], ["1", "2", "3", "4"], ["1", "2", "3"]]
    assert [row.problem for row in found] == [
        "",
        "",
        "Line 3 has 4 cells where the first row has 3.",
        "",
    ]


def test_blank_lines_are_left_out_and_counted():
    found = list(rows([b"\n\na,b\n , \n,\n1,2\n"], Dialect("utf-8", ",")))

    assert [(row.line, list(row)) for row in found] == [(3, ["a", "b"]), (6, ["1", "2"])]


def test_a_quotation_mark_that_is_never_closed_costs_one_row():
    data = b'name,city\nAna,"Ulm\nBo,Rom\nCy,"New York, NY"\n'.replace(b'"New York, NY"', b"York")

    found = list(rows([data], Dialect("utf-8", ",")))

    assert found == [["name", "city"], ["Ana", '"Ulm'], ["Bo", "Rom"], ["Cy", "York"]]
    assert found[1].problem == "Line 2 has a quotation mark that is never closed."
    assert found[2].line == 3


def test_an_inch_mark_inside_a_cell_is_text():
    assert read(b'name,size\nScreen,27" wide\n')[1] == ["Screen", '27" wide']


def test_what_follows_a_closing_mark_stays_in_the_cell():
    assert read(b'name,b\n"Ana" Silva,2\n')[1] == ["Ana Silva", "2"]


def test_nul_characters_vanish():
    assert read(b"na\x00me,b\nAna,2\n") == [["name", "b"], ["Ana", "2"]]


def test_a_few_stray_windows_bytes_do_not_spoil_utf8():
    data = "name,city\nZoë,Köln\nJosé,Nîmes\n".encode() + b"Ren\xe9e,Lyon\n"

    assert sniff(data).encoding == "utf-8"
    assert read(data)[3] == ["Renée", "Lyon"]


def test_a_character_cut_in_two_at_the_end_of_the_head_is_still_utf8():
    head = ("name,city\n" + "é" * 40_000).encode()[: 64 * 1024 - 1]

    assert sniff(head).encoding == "utf-8"


def test_the_separator_that_a_spreadsheet_names_is_used_and_its_line_left_out():
    assert read(b"sep=;\r\na;b,c\r\n1;2,5\r\n") == [["a", "b,c"], ["1", "2,5"]]


def test_decimal_commas_do_not_make_the_comma_a_separator():
    data = b"name;size;price\nA;1,5;2,5\nB;2,5;3,5\n"

    assert sniff(data).delimiter == ";"


def test_one_column_needs_no_separator():
    assert read(b"email\nana@acme.test\n") == [["email"], ["ana@acme.test"]]


def test_nothing_is_read_from_nothing():
    assert read(b"") == []
    assert read(b"\r\n\r\n") == []


def test_rows_are_read_as_they_are_asked_for():
    def endless():
        yield b"name,email\n"
        while True:
            yield b"Ana,ana@acme.test\n"

    found = list(islice(rows(endless(), Dialect("utf-8", ",")), 100))

    assert len(found) == 100


def test_an_endless_line_is_cut_and_says_so():
    data = b"a,b\n" + b"x" * 3_000_000 + b"\n1,2\n"

    found = list(rows(io.BytesIO(data), Dialect("utf-8", ",")))

    assert [len(row[0]) for row in found] == [1, 1_000_000, 1]
    assert found[1].problem == "Line 2 is too long and was cut."


def test_more_columns_than_anybody_has_are_cut_and_said():
    (row,) = rows([b"a," * 2000], Dialect("utf-8", ","))

    assert len(row) == 1000
    assert "more than 1000 cells" in row.problem


@pytest.mark.parametrize("line", ['"a', '"', ',"', '"a""', '""', ',"",""', 'a"b', '"a"b"'])
def test_each_line_of_broken_quotes_is_looked_at_twice_at_most(line, monkeypatch):
    looks = 0

    class Counting(csvs._Lines):
        def take(self):
            nonlocal looks
            looks += 1
            return super().take()

    monkeypatch.setattr(csvs, "_Lines", Counting)
    count = 20_000

    found = list(rows([f"{line}\n".encode() * count], Dialect("utf-8", ",")))

    assert looks <= 2 * count + 2
    assert found or not line.strip('",')


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (["Name", "Email"], True),
        (["foo", "bar"], True),
        (["Ana Silva", "ana@acme.test"], False),
        (["Vorname", "x"], True),
        (["1", "2"], False),
        (["", ""], True),
    ],
)
def test_a_first_row_that_is_a_contact_is_no_header(first, expected):
    assert has_header(first, [["7", "8"], ["9", "10"]]) is expected
