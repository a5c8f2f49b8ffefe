"""A restored backup and a copy of the database send nothing; everything else is let alone."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from outreach import guards, ticks, times, witnesses
from outreach.models import Instance
from outreach.witnesses import Witness
from tests import processes
from tests.outreach.test_ticks import at_once

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def var_dir(settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    settings.REDIS_URL = ""
    return tmp_path


@pytest.fixture
def remembering_redis(settings) -> Iterator[redis.Redis]:
    if not (url := os.environ.get("REDIS_URL")):
        pytest.skip("REDIS_URL is not set")
    settings.REDIS_URL, settings.REDIS_PREFIX = url, f"test-{id(settings)}"
    with redis.Redis.from_url(url) as client:
        yield client
        for key in client.scan_iter(f"{settings.REDIS_PREFIX}:*"):
            client.delete(key)


@pytest.fixture
def kept_until() -> Callable[[datetime], Instance]:
    """Run the product for some minutes, up to a time."""

    def keep(until: datetime) -> Instance:
        for minute in range(5, -1, -1):
            with times.clock(lambda minute=minute: until - timedelta(minutes=minute)):
                guards.keep()
        return Instance.objects.get()

    return keep


def restore(backup: Instance) -> None:
    """Put the row back as the backup has it."""
    backup.save()
    guards.forget()


def test_a_new_installation_begins_its_history_and_holds_nothing(var_dir):
    assert guards.keep() == 0

    row = Instance.objects.get()
    assert guards.hold() is None
    assert row.fingerprint == (var_dir / "instance-id").read_text().strip()
    assert witnesses.in_file(row.lineage) == Witness(row.counter, row.counted_at)


def test_before_the_first_count_nothing_is_held():
    assert guards.hold() is None


def test_processes_that_start_together_begin_one_history():
    at_once(guards.keep)

    row = Instance.objects.get()
    assert row.counter <= 1
    assert guards.look() is None


def test_the_counter_grows_with_time_and_not_with_those_who_ask(kept_until):
    row = kept_until(MONDAY)
    assert row.counter == 5

    with times.clock(lambda: MONDAY + timedelta(seconds=3)):
        guards.keep()

    assert Instance.objects.get().counter == 5


def test_a_restored_backup_is_held_with_the_span_it_lacks(kept_until):
    backup = kept_until(MONDAY)
    kept_until(MONDAY + timedelta(days=1))

    restore(backup)

    held = guards.hold()
    assert held and held.code == "restored" and "after_restore" in str(held)
    assert "16 Nov 2026, 09:00 UTC" in held.sentence
    row = Instance.objects.get()
    assert row.lost_from == MONDAY
    assert row.lost_until == MONDAY + timedelta(days=1) + guards.AFTER_THE_LAST_WITNESS


def test_a_hold_outlives_the_memory_that_it_was_noticed_by(kept_until, var_dir):
    backup = kept_until(MONDAY)
    kept_until(MONDAY + timedelta(hours=1))
    restore(backup)
    assert guards.hold()

    for file in (var_dir / "histories").iterdir():
        file.unlink()

    assert guards.look()


def test_the_driver_does_not_count_over_what_tells_of_the_restore(kept_until):
    backup = kept_until(MONDAY)
    ahead = kept_until(MONDAY + timedelta(hours=1))
    restore(backup)

    kept_until(MONDAY + timedelta(hours=3))

    assert Instance.objects.get().counter == backup.counter
    assert witnesses.in_file(ahead.lineage).counter == ahead.counter


def test_a_database_that_moves_on_while_it_is_looked_at_is_not_taken_for_a_backup(
    kept_until, monkeypatch
):
    kept_until(MONDAY)

    def after_another_count(lineage: str, **asked: bool) -> Witness:
        Instance.objects.update(counter=6)
        return Witness(6, MONDAY)

    monkeypatch.setattr(witnesses, "furthest", after_another_count)

    assert guards.look() is None


def test_the_history_of_another_database_bears_witness_to_nothing(kept_until):
    kept_until(MONDAY)
    Instance.objects.all().delete()

    kept_until(MONDAY - timedelta(days=1))

    assert guards.look() is None


def test_redis_remembers_where_the_disk_is_new_at_every_start(
    kept_until, var_dir, remembering_redis
):
    backup = kept_until(MONDAY)
    ahead = kept_until(MONDAY + timedelta(hours=1))
    (var_dir / "histories" / ahead.lineage).unlink()

    restore(backup)

    assert guards.hold().code == "restored"


def test_a_redis_that_is_gone_holds_nothing_up_and_is_not_asked_at_once_again(
    kept_until, settings, monkeypatch
):
    kept_until(MONDAY)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(witnesses, "_silent_until", 0.0)

    assert guards.look() is None
    asked = witnesses._silent_until
    assert guards.look() is None
    assert witnesses._silent_until == asked > 0


def test_inside_a_transaction_nobody_is_asked_over_the_network(kept_until, monkeypatch):
    kept_until(MONDAY)
    asked = []
    monkeypatch.setattr(
        witnesses, "furthest", lambda lineage, ask_redis: asked.append(ask_redis) or None
    )

    guards.look()
    with transaction.atomic():
        guards.look()

    assert asked == [True, False]


def test_an_answer_from_inside_a_transaction_does_not_do_outside_of_it(kept_until, monkeypatch):
    kept_until(MONDAY)
    asked = []
    monkeypatch.setattr(
        witnesses, "furthest", lambda lineage, ask_redis: asked.append(ask_redis) or None
    )
    guards.forget()

    with transaction.atomic():
        guards.hold()
        guards.hold()
    guards.hold()
    guards.hold()
    with transaction.atomic():
        guards.hold()

    assert asked == [False, True]


def test_an_answer_is_good_for_a_second_at_most(kept_until, monkeypatch):
    monkeypatch.undo()
    assert guards.GOOD_FOR_SECONDS <= 1
    kept_until(MONDAY)
    now = [100.0]
    monkeypatch.setattr(guards.time, "monotonic", lambda: now[0])
    guards.forget()
    assert guards.hold() is None
    Instance.objects.update(fingerprint="another")

    assert guards.hold() is None
    now[0] += 1.0
    assert guards.hold().code == "copied"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"counter": 5}', b'{"counter":5,"at":"x"}'])
def test_a_memory_that_cannot_be_read_bears_witness_to_nothing(var_dir, text):
    (var_dir / "histories").mkdir()
    (var_dir / "histories" / "mine").write_bytes(text)

    assert witnesses.in_file("mine") is None


def test_a_memory_is_written_whole_or_not_at_all(var_dir, monkeypatch):
    witnesses.remember("mine", Witness(1, MONDAY))
    monkeypatch.setattr(witnesses.os, "replace", lambda *paths: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        witnesses.remember("mine", Witness(2, MONDAY))

    assert witnesses.in_file("mine") == Witness(1, MONDAY)
    assert [path.name for path in (var_dir / "histories").iterdir()] == ["mine"]


def test_a_memory_never_goes_back():
    witnesses.remember("mine", Witness(7, MONDAY))
    witnesses.remember("mine", Witness(6, MONDAY))

    assert witnesses.in_file("mine").counter == 7


def test_another_installation_on_the_same_database_is_held_and_the_first_one_is_not(
    kept_until, settings, tmp_path
):
    kept_until(MONDAY)
    mine, settings.VAR_DIR = settings.VAR_DIR, tmp_path / "elsewhere"
    guards.forget()

    held = guards.hold()
    assert held and held.code == "copied" and "adopt_instance" in str(held)
    counted = Instance.objects.get().counter
    kept_until(MONDAY + timedelta(hours=1))
    assert Instance.objects.get().counter == counted

    settings.VAR_DIR = mine
    assert guards.look() is None


def test_a_dump_that_was_restored_elsewhere_is_held(kept_until):
    kept_until(MONDAY)
    Instance.objects.update(place="server 1, database 2")
    if connection.vendor == "sqlite" and not guards.place():
        pytest.skip("this machine has no machine-id")

    assert guards.look().code == "copied"


def test_the_place_of_a_postgresql_is_its_server_and_its_database():
    if connection.vendor != "postgresql":
        pytest.skip("for PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        (number,) = cursor.fetchone()

    assert guards.place().startswith("server ")
    assert guards.place().endswith(f", database {number}")


def test_a_copied_var_dir_on_another_machine_is_held(kept_until, monkeypatch, tmp_path):
    if connection.vendor != "sqlite":
        pytest.skip("for SQLite, whose database is in VAR_DIR")
    first, second = tmp_path / "machine-1", tmp_path / "machine-2"
    first.write_text("a" * 32)
    second.write_text("b" * 32)
    monkeypatch.setattr(guards, "MACHINE_ID", first)
    kept_until(MONDAY)
    assert guards.look() is None

    monkeypatch.setattr(guards, "MACHINE_ID", second)
    assert guards.look().code == "copied"

    # A container without one is not held for that.
    monkeypatch.setattr(guards, "MACHINE_ID", tmp_path / "none")
    assert guards.look() is None


def test_machines_with_the_same_instance_id_are_one_installation(kept_until, settings, tmp_path):
    settings.INSTANCE_ID = "production"
    kept_until(MONDAY)

    settings.VAR_DIR = tmp_path / "another machine"

    assert guards.look() is None
    settings.INSTANCE_ID = "staging"
    assert guards.look().code == "copied"


def test_a_deployment_without_a_disk_is_known_by_its_public_host(kept_until, settings, tmp_path):
    settings.PUBLIC_HOST = "outreach.example.com"
    kept_until(MONDAY)

    settings.VAR_DIR = tmp_path / "a new disk"

    assert guards.look() is None
    assert not (tmp_path / "a new disk" / "instance-id").exists()
    settings.PUBLIC_HOST = "staging.example.com"
    assert guards.look().code == "copied"


def test_an_installation_with_nowhere_to_keep_an_id_goes_by_its_database(settings, tmp_path):
    (tmp_path / "read-only").touch()
    settings.VAR_DIR = tmp_path / "read-only"

    with pytest.raises(OSError):
        guards.keep()

    # That nobody remembers how far it came is an error of the tick; sending goes on.
    assert guards.look() is None
    Instance.objects.update(fingerprint="production")
    assert guards.look().code == "copied"


def test_adopting_asks_first_and_changes_nothing_without_an_answer(
    kept_until, settings, tmp_path, monkeypatch, capsys
):
    kept_until(MONDAY)
    settings.VAR_DIR = tmp_path / "elsewhere"

    for typed in ("", "yes"):
        monkeypatch.setattr("builtins.input", lambda question, typed=typed: typed)
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("adopt_instance")

    assert guards.look()
    said = capsys.readouterr().out
    assert "goes out twice" in said and "after_restore" in said


def test_adopting_lets_this_installation_send_and_holds_the_other_one(
    kept_until, settings, tmp_path
):
    before = kept_until(MONDAY)
    mine, settings.VAR_DIR = settings.VAR_DIR, tmp_path / "elsewhere"

    call_command("adopt_instance", "--yes")

    assert guards.look() is None
    assert Instance.objects.get().lineage != before.lineage
    settings.VAR_DIR = mine
    assert guards.look().code == "copied"


def test_adopting_what_is_ours_changes_nothing(kept_until, capsys):
    before = kept_until(MONDAY)

    call_command("adopt_instance", "--yes")

    assert "already" in capsys.readouterr().out
    assert Instance.objects.get().lineage == before.lineage


def test_a_backup_cannot_be_adopted_away(kept_until):
    backup = kept_until(MONDAY)
    kept_until(MONDAY + timedelta(hours=1))
    restore(backup)

    with pytest.raises(CommandError, match="after_restore"):
        call_command("adopt_instance", "--yes")

    assert guards.look().code == "restored"


def test_two_clocks_that_start_together_hold_nothing(settings):
    """Real processes, each with its own threads, on one new VAR_DIR and a new database."""
    with processes.clocks(2):
        processes.wait_for(
            lambda: Instance.objects.filter(counter__gte=1).exists(), what="the first count"
        )
        rows = Instance.objects.values_list("noticed_at", flat=True)
        assert list(rows) == [None]


def test_the_probe_fails_and_says_why(client: Client, kept_until):
    ticks.run("heartbeat")
    assert client.get("/healthz").status_code == 200
    backup = kept_until(MONDAY)
    kept_until(MONDAY + timedelta(hours=1))

    restore(backup)

    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["sending"] == "held: restored"
    assert "after_restore" in answer.json()["reason"]
    assert answer.json()["scheduler"] == "ok"


def test_everybody_in_the_workspace_is_told_on_every_page(client: Client, bob, kept_until):
    client.force_login(bob)
    assert b"Sending is held" not in client.get("/settings/").content
    backup = kept_until(MONDAY)
    kept_until(MONDAY + timedelta(hours=1))

    restore(backup)

    page = client.get("/settings/").content.decode()
    assert "Sending is held." in page and "looks restored from a backup" in page
    assert "An operator runs manage.py after_restore." in page
