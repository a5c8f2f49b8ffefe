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


WINTER = date(2026, 2, 20)  # a Friday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("until 3 March", date(2026, 3, 3)),
        ("bis 03.03.", date(2026, 3, 3)),
        ("jusqu'au 3 mars", date(2026, 3, 3)),
        ("del 3 al 10 de marzo", date(2026, 3, 10)),
        ("March 3-10", date(2026, 3, 10)),
        ("3-10 March", date(2026, 3, 10)),
        ("March 3rd to 10th", date(2026, 3, 10)),
        ("March 3 through March 10", date(2026, 3, 10)),
        ("from the 3rd to the 10th of March", date(2026, 3, 10)),
        ("vom 3. bis 10. März", date(2026, 3, 10)),
        ("vom 23.02.-03.03.2026", date(2026, 3, 3)),
        ("vom 23.02. - 03.03.", date(2026, 3, 3)),
        ("23.-27.02.", date(2026, 2, 27)),
        ("vom 23. bis 27.02. im Urlaub", date(2026, 2, 27)),
        ("wieder ab dem 8.3. erreichbar", date(2026, 3, 8)),
        ("du 3 au 10 mars inclus", date(2026, 3, 10)),
        ("dal 3 al 10 marzo", date(2026, 3, 10)),
        ("rientro il 10/03", date(2026, 3, 10)),
        ("de 3 a 10 de março", date(2026, 3, 10)),
        ("van 3 tot en met 10 maart", date(2026, 3, 10)),
        ("van 3 t/m 10 maart", date(2026, 3, 10)),
        ("weer bereikbaar op 11 maart", date(2026, 3, 11)),
        ("back 3/16", date(2026, 3, 16)),
        ("back on 16/3", date(2026, 3, 16)),
        ("Back on Mon 2 Mar", date(2026, 3, 2)),
        ("back Mar. 2nd", date(2026, 3, 2)),
        ("returning 2-Mar-2026", date(2026, 3, 2)),
        ("returning 2026-03-02", date(2026, 3, 2)),
        ("returning 2026/03/02", date(2026, 3, 2)),
        ("zurück am Montag, 2. März 2026", date(2026, 3, 2)),
        ("ab KW 10 wieder da", date(2026, 3, 2)),
        ("until mid-March", date(2026, 3, 15)),
        ("bis Mitte März", date(2026, 3, 15)),
        ("until the end of March", date(2026, 3, 31)),
        ("bis Ende März", date(2026, 3, 31)),
        ("fin mars", date(2026, 3, 31)),
        ("hasta finales de marzo", date(2026, 3, 31)),
        ("fino a fine marzo", date(2026, 3, 31)),
        ("eind maart", date(2026, 3, 31)),
        ("in March", date(2026, 3, 1)),
        ("back next week", date(2026, 2, 23)),
        ("back in two weeks", date(2026, 3, 6)),
        ("zurück in 2 Wochen", date(2026, 3, 6)),
        ("dans deux semaines", date(2026, 3, 6)),
        ("entre 3 semanas", None),
        ("volto em duas semanas", date(2026, 3, 6)),
        ("tra due settimane", date(2026, 3, 6)),
        ("over twee weken terug", date(2026, 3, 6)),
        ("on vacation until Friday", date(2026, 2, 27)),
        ("hasta el viernes 27 de febrero", date(2026, 2, 27)),
        ("retour le lundi 2 mars", date(2026, 3, 2)),
        ("retour lundi 02/03", date(2026, 3, 2)),
        ("de volta a 2 de março", date(2026, 3, 2)),
        ("through the 27th", date(2026, 2, 27)),
        ("until the 27th", date(2026, 2, 27)),
        ("bis zum 27.", date(2026, 2, 27)),
        ("jusqu'au 27", date(2026, 2, 27)),
        ("hasta el 27", date(2026, 2, 27)),
        ("fino al 27", date(2026, 2, 27)),
        ("até dia 27", date(2026, 2, 27)),
        ("tot de 27e", date(2026, 2, 27)),
        ("01.03.26", date(2026, 3, 1)),
        (
            "from Mon 23 February through Fri 27 February, back Mon 2 March",
            date(2026, 3, 2),
        ),
        ("Out 2/23 - 2/27", date(2026, 2, 27)),
        ("out of office 23/2-27/2", date(2026, 2, 27)),
        ("1° marzo", date(2026, 3, 1)),
        ("1er mars", date(2026, 3, 1)),
        ("1º de março", date(2026, 3, 1)),
        ("el 1 de marzo de 2026", date(2026, 3, 1)),
        ("le 2 mars prochain", date(2026, 3, 2)),
        ("back tomorrow", date(2026, 2, 21)),
        ("morgen wieder da", date(2026, 2, 21)),
        ("this afternoon", None),
        ("version 3.2 is out", None),
        ("call me at 10-12", None),
        ("tel 030/123456", None),
        ("+49 30 12 34", None),
        ("in Q2", date(2026, 4, 1)),
        ("im zweiten Quartal", date(2026, 4, 1)),
        ("second half of the year", date(2026, 7, 1)),
        ("no segundo semestre", date(2026, 7, 1)),
        ("after the summer", date(2026, 9, 1)),
        ("im Frühjahr", date(2026, 3, 1)),
        ("in six months", date(2026, 8, 19)),
        ("en septembre", date(2026, 9, 1)),
    ],
)
def test_a_day_is_read_however_it_is_written(text, day):
    assert stated_day(fold(text), today=WINTER) == day
