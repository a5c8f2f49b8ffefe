from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules.dates import FARTHEST, fold, stated_day

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I am back on 1 December 2026", date(2026, 12, 1)),
        ("back December 1st", date(2026, 12, 1)),
        ("returning on 2026-12-01", date(2026, 12, 1)),
        ("Ich bin ab dem 01.12.2026 wieder da", date(2026, 12, 1)),
        ("bis einschließlich 30.11. abwesend", date(2026, 11, 30)),
        ("wieder erreichbar ab 7. Dezember", date(2026, 12, 7)),
        ("de retour le 1er décembre", date(2026, 12, 1)),
        ("regreso el 1 de diciembre de 2026", date(2026, 12, 1)),
        ("retorno no dia 1 de dezembro", date(2026, 12, 1)),
        ("rientro il 9 dicembre", date(2026, 12, 9)),
        ("terug op 4 januari", date(2027, 1, 4)),
        ("out 11/23 to 11/27, back 11/30", date(2026, 11, 30)),
        ("back on 12/01/2026", date(2026, 12, 1)),
        ("from 23/11 until 30/11/26", date(2026, 11, 30)),
        ("back on Monday", date(2026, 11, 23)),
        ("ab Mittwoch wieder im Büro", date(2026, 11, 25)),
        ("back on Saturday", date(2026, 11, 28)),
        ("back tomorrow", date(2026, 11, 22)),
        ("next week", date(2026, 11, 23)),
        ("la semaine prochaine", date(2026, 11, 23)),
        ("next month", date(2026, 12, 1)),
        ("next quarter", date(2027, 1, 1)),
        ("im nächsten Quartal", date(2027, 1, 1)),
        ("el próximo año", date(2027, 1, 1)),
        ("volgend jaar", date(2027, 1, 1)),
        ("in Q1", date(2027, 1, 1)),
        ("reach out in March", date(2027, 3, 1)),
        ("im Februar", date(2027, 2, 1)),
        ("en septembre", date(2027, 9, 1)),
        ("in two weeks", date(2026, 12, 5)),
        ("in 3 months", date(2027, 2, 19)),
        ("dans six mois", date(2027, 5, 20)),
    ],
)
def test_the_day_that_is_named_is_found(text, day):
    assert stated_day(fold(text), today=TODAY) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I may be interested",
        "back on 20 November",
        "call 555.12.34",
        "version 3.2 of 31/31/2026",
        "since 2019-01-01",
        "back in 2030-01-01",
    ],
)
def test_no_day_is_made_up(text):
    assert stated_day(fold(text), today=TODAY) is None


def test_of_a_span_the_return_counts_and_not_the_leaving():
    text = fold("Back on 1 December. I am away from 24 November to 9 January 2027 for others.")

    assert stated_day("away from 24 november until 30 november", today=TODAY) == date(2026, 11, 30)
    assert stated_day(text, today=TODAY) is not None


pieces = st.lists(
    st.sampled_from(
        ["1", "31", "12", " ", ".", "/", "-", "december", "mai", "q3", "next", "year", "in", "two"]
        + ["months", "back", "monday", "2026", "99"]
    ),
    max_size=30,
).map("".join)


@given(st.text() | pieces, st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_any_text_names_a_coming_day_or_none(text, today):
    day = stated_day(fold(text), today=today)

    assert day is None or today <= day <= today + FARTHEST


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_the_next_one_is_ahead_and_near(today):
    for unit, at_most in (("week", 7), ("month", 31), ("quarter", 92), ("year", 366)):
        day = stated_day(f"next {unit}", today=today)

        assert today < day <= today + timedelta(days=at_most)
