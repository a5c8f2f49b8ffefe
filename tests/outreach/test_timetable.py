import inspect

import pytest
from django.utils.module_loading import import_string

from outreach.timetable import TIMETABLE, Entry


@pytest.mark.parametrize("name", TIMETABLE)
def test_every_entry_names_a_function_that_can_be_called_without_anything(name: str):
    function = import_string(TIMETABLE[name].function)

    required = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    ]
    assert required == []
    assert inspect.signature(function).return_annotation is int


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", TIMETABLE)
def test_every_entry_finds_nothing_to_do_in_an_empty_database(name: str):
    assert import_string(TIMETABLE[name].function)() == 0


def test_every_period_is_a_whole_number_of_seconds():
    assert all(isinstance(entry.period, int) and entry.period >= 1 for entry in TIMETABLE.values())


def test_an_entry_cannot_be_changed_while_it_is_driven():
    with pytest.raises(AttributeError):
        Entry("a.b", period=1).period = 2  # type: ignore[misc]  # that this fails is the point
