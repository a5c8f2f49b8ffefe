"""The rules measured on replies and absence notes in seven languages, as real ones are written."""

import json
import re
from pathlib import Path

import pytest

from sequences.writers.people import person_named
from tests.corpora import auto_replies, intent

CASES = Path(__file__).parent / "cases"


def accepted(table) -> tuple[int, int]:
    """Return how many of all cases were as expected."""
    return sum(int(row[2]) for row in table.rows), sum(int(row[1]) for row in table.rows)


def test_replies_are_understood_as_a_person_would():
    table = intent.measure(CASES / "intent")
    right, all_of_them = accepted(table)

    assert all_of_them >= 300
    assert right >= 0.95 * all_of_them, table.failed


def test_in_none_of_them_is_a_wish_to_be_left_alone_missed_or_made_up():
    assert intent.measure(CASES / "intent").sums[1] == (
        "Wishes to be left alone that were missed: 0; seen where there is none: 0."
    )


def test_absence_notes_are_told_from_people_and_their_day_is_read():
    table = auto_replies.measure(CASES / "auto_replies")
    right, all_of_them = accepted(table)
    days, read = (sum(int(row[i]) for row in table.rows) for i in (3, 4))

    assert all_of_them >= 100
    assert right >= 0.97 * all_of_them, table.failed
    assert days >= 50
    assert read >= 0.97 * days, table.failed
    assert "read where there is none: 0/" in table.sums[1], table.failed


def test_the_cases_are_in_all_seven_languages():
    lines = (CASES / "intent/cases.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = [json.loads(line)["body"].lower() for line in lines]

    for words in (
        "the|you",
        "nicht|bitte|uns",
        "je|vous|nous",
        "no|para|su",
        "non|ci",
        "não|meu|uma|pode|obrigado",
        "niet|geen",
    ):
        some = re.compile(rf"\b(?:{words})\b")
        assert sum(some.search(body) is not None for body in bodies) >= 10, words


@pytest.mark.parametrize(
    ("text", "person"),
    [
        (
            "Please reach out to Maria Lopez (maria.lopez@acme.test).",
            "Maria Lopez <maria.lopez@acme.test>",
        ),
        ("You'd better ask Jim in procurement.", "Jim"),
        ("Zuständig ist Herr Dr. Vogel.", "Vogel"),
        ("Bitte wenden Sie sich an meinen Kollegen Peter Braun.", "Peter Braun"),
        ("Voyez avec Claire Petit, claire@acme.test", "Claire Petit <claire@acme.test>"),
        ("Hable con mi compañera Juana.", "Juana"),
        ("Può scrivere a Luca Bianchi <luca@acme.test>", "Luca Bianchi <luca@acme.test>"),
        ("Fale com o Pedro Costa.", "Pedro Costa"),
        ("Neem contact op met mijn collega Jan de Vries.", "Jan de Vries"),
        ("Try office@acme.test", "office@acme.test"),
        ("Not me, sorry.", ""),
        ("Not me, sorry.\n\nAna Silva <ana@acme.test>", ""),
    ],
)
def test_whom_a_referral_names_is_read(text, person):
    assert person_named(text, but="ana@acme.test") == person
