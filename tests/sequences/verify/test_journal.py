"""manage.py verify --journal: what a provider wrote down itself."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from mailboxes.models import Mailbox
from tests.factories import make_mailbox
from tests.sequences.judging import journal, verify

pytestmark = pytest.mark.django_db


def test_with_a_journal_what_a_server_took_is_judged_too(world, tmp_path):
    """The server took one mail twice, which a person had decided without being able to know."""
    lines = verify("--journal", journal(tmp_path, *world.server.journal)).splitlines()

    assert len(world.server.journal) == 2
    assert len({line["message_id"] for line in world.server.journal}) == 1
    assert lines[24:] == ["Held: 24. Broken: 0. Not judged: 0."]


@pytest.mark.parametrize(
    "code, values",
    [
        ("I01", {}),
        ("I02", {"message_id": "<another@brightline.test>"}),
        ("I03", {"message_id": "<ghost@brightline.test>", "reference": ""}),
    ],
)
def test_one_mail_more_than_a_person_decided_is_too_many(world, tmp_path, code, values):
    lines = world.server.journal

    assert broken_by(journal(tmp_path, *lines, lines[-1] | values)) == [code]


@pytest.mark.parametrize(
    "code, values", [("I16", {"sha256": "0" * 64}), ("I18", {"recipient": "somebody@else.test"})]
)
def test_every_mail_is_the_approved_one_to_its_prospect(world, tmp_path, code, values):
    first, second = world.server.journal

    assert broken_by(journal(tmp_path, first, second | values)) == [code]


def broken_by(file: str) -> list[str]:
    out = io.StringIO()
    with pytest.raises(CommandError, match="^1 of the 24 does not hold.$"):
        call_command("verify", "--journal", file, "--json", stdout=out)
    found = json.loads(out.getvalue())["invariants"]
    return [each["code"] for each in found if each["verdict"] == "broken"]


def test_a_provider_may_give_a_mail_another_id(world, tmp_path):
    """As some do; the reference header then says what it is."""
    given = {"message_id": "<given@provider.test>"}
    file = journal(tmp_path, *[line | given for line in world.server.journal])

    assert "Held: 24" in verify("--journal", file)


def test_what_a_journal_lacks_was_not_delivered(world, tmp_path):
    """Unless it was sent before the journal began, or a moment ago."""
    touch = world.touch("smtp")
    of_alice = {"message_id": "<x@x.test>", "recipient": world.alice.email, "reference": ""}
    file = journal(tmp_path, world.server.journal[0] | of_alice)

    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify", "--journal", file, stdout=out)

    promise = "Every step marked as sent was delivered"
    assert f"I05 BROKEN      {promise}: 1 found, touch {touch.pk}\n" in out.getvalue()
    later = (touch.sent_at + timedelta(days=1)).isoformat()
    assert "I05 holds" in verify("--journal", file, "--since", later)
    assert "I05 holds" in verify("--journal", file, "--older-than", str(365 * 24 * 60))


@pytest.mark.parametrize(
    "line, problem",
    [
        ("{", "Line 2 is not JSON."),
        ("[]", "Line 2 is not a JSON object."),
        ("{}", "Line 2 needs “message_id” as a text."),
        ({"accepted_at": "yesterday"}, "Line 2: “accepted_at” is a time with its zone, like"),
        ({"accepted_at": "2026-11-20T09:00:00"}, "Line 2: “accepted_at” is a time with its zone"),
        ({"sha256": "abc"}, "Line 2: “sha256” is 64 hexadecimal digits, or left out."),
        ({"mailbox": "nobody@x.test"}, "Line 2: no mailbox is called “nobody@x.test”."),
        ("x" * 10_001, "Line 2 is longer than 10,000 characters."),
    ],
)
def test_a_line_that_is_none_is_named(world, tmp_path, line, problem):
    first = world.server.journal[0]
    file = tmp_path / "bad.jsonl"
    second = json.dumps(first | line) if isinstance(line, dict) else line
    file.write_text(f"{json.dumps(first)}\n{second}\n", "utf-8")

    with pytest.raises(CommandError, match="bad.jsonl: ") as raised:
        verify("--journal", str(file))

    assert problem in str(raised.value)


def test_a_sandbox_needs_no_journal_beside_its_own(world, tmp_path):
    line = world.server.journal[0] | {"mailbox": world.sequence.mailbox.email}
    file = journal(tmp_path, line)

    with pytest.raises(CommandError, match="is a Sandbox mailbox, whose journal is the database"):
        verify("--journal", file)


def test_lines_of_another_workspace_are_left_out(world, tmp_path):
    foreign = make_mailbox(world.elsewhere.workspace, provider=Mailbox.Provider.SMTP)
    ghost = {"mailbox": foreign.email, "message_id": "<ghost@x.test>", "reference": ""}
    lines = world.server.journal
    file = journal(tmp_path, *lines, lines[0] | ghost)

    assert "Held: 24" in verify("--journal", file, "--workspace", "Healthy")
    with pytest.raises(CommandError, match="1 of the 24"):
        verify("--journal", file, "--workspace", "Elsewhere")
