import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from outreach import env


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("COLOUR", raising=False)
    monkeypatch.delenv("COLOUR_FILE", raising=False)
    return monkeypatch


def test_a_missing_value_is_named(setting):
    with pytest.raises(ImproperlyConfigured, match=r"Set COLOUR \(or COLOUR_FILE\)"):
        env.text("COLOUR")


def test_an_empty_value_counts_as_missing(setting):
    setting.setenv("COLOUR", "")

    assert env.text("COLOUR", "red") == "red"
    assert not env.given("COLOUR")


def test_a_secret_can_come_from_a_file(setting, tmp_path: Path):
    (tmp_path / "colour").write_text("blue\n")
    setting.setenv("COLOUR_FILE", str(tmp_path / "colour"))

    assert env.text("COLOUR", "red") == "blue"


def test_a_file_that_is_not_there_is_named(setting, tmp_path: Path):
    setting.setenv("COLOUR_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(ImproperlyConfigured, match="COLOUR_FILE=.*nowhere"):
        env.text("COLOUR")


@pytest.mark.parametrize("value", ["yes", "1", "on", "tru"])
def test_a_flag_is_true_or_false_and_nothing_else(setting, value: str):
    setting.setenv("COLOUR", value)

    with pytest.raises(ImproperlyConfigured, match=f"COLOUR='{value}': use true or false"):
        env.flag("COLOUR", default=False)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "8000x", "1.5", "٣"])
def test_a_number_outside_its_range_is_refused_with_the_range(setting, value: str):
    setting.setenv("COLOUR", value)

    with pytest.raises(ImproperlyConfigured, match="COLOUR=.*from 1 to 65535"):
        env.whole("COLOUR", 8000, low=1, high=65535)


@pytest.mark.parametrize("value", ["example.com", "ftp://example.com", "http://", "http://h:99999"])
def test_an_address_that_cannot_be_used_is_refused(setting, value: str):
    setting.setenv("COLOUR", value)

    with pytest.raises(ImproperlyConfigured, match="COLOUR is not an address .*https?://"):
        env.address("COLOUR", "", schemes=("http", "https"))


def test_a_refused_address_does_not_show_its_password(setting):
    setting.setenv("COLOUR", "rediss//user:hunter2@cache")

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.address("COLOUR", "", schemes=("redis",))

    assert "hunter2" not in str(refusal.value)


def test_an_unknown_word_is_answered_with_the_known_ones(setting):
    setting.setenv("COLOUR", "pink")

    with pytest.raises(ImproperlyConfigured, match="COLOUR='pink': use one of red, blue"):
        env.choice("COLOUR", "red", ("red", "blue"))


def test_words_are_split_at_commas(setting):
    setting.setenv("COLOUR", "red, blue,,green ")

    assert env.words("COLOUR") == ["red", "blue", "green"]


def test_a_kept_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path):
    path = tmp_path / "deep" / "secret-key"

    first = env.kept(path, lambda: "one")
    second = env.kept(path, lambda: "two")

    assert (first, second) == ("one", "one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret-key"]
