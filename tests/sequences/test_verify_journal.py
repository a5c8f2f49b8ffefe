"""manage.py verify --journal: what a provider wrote down itself."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from mailboxes.models import Mailbox
from tests.factories import make_mailbox
from tests.sequences.judging import journal_of, verify
from tests.sequences.sent_world import World

pytestmark = pytest.mark.django_db


def test_with_a_journal_what_a_server_took_is_judged_too(world, tmp_path):
    """The server took one mail twice, which a person had decided without being able to know."""
    lines = verify("--journal", journal_of(world, tmp_path)).splitlines()

    assert len(world.server.journal) == 2
    assert len({line["message_id"] for line in world.server.journal}) == 1
    assert lines[24:] == ["Held: 24. Broken: 0. Not judged: 0."]


def changed(world: World, **values: str) -> dict[str, str]:
    return world.server.journal[-1] | values


@pytest.mark.parametrize(
    "code, values",
    [
        ("I01", {}),
        ("I02", {"message_id": "<another@brightline.test>"}),
        ("I03", {"message_id": "<ghost@brightline.test>", "reference": ""}),
        ("I16", {"sha256": "0" * 64}),
        ("I18", {"recipient": "somebody@else.test"}),
    ],
)
def test_each_line_of_a_journal_counts(world, tmp_path, code, values):
    if code in ("I16", "I18"):
        # In place of the second, which a person had sent again.
        world.server.journal[-1:], kept = [], world.server.journal[-1]
    try:
        more = kept | values if code in ("I16", "I18") else changed(world, **values)
        file = journal_of(world, tmp_path, more)
    finally:
        if code in ("I16", "I18"):
            world.server.journal.append(kept)
    out = io.StringIO()

    with pytest.raises(CommandError, match="^1 of the 24 does not hold.$"):
        call_command("verify", "--journal", file, "--json", stdout=out)

    found = {each["code"]: each for each in json.loads(out.getvalue())["invariants"]}
    assert [name for name, each in found.items() if each["verdict"] == "broken"] == [code]


def test_what_a_journal_lacks_was_not_delivered(world, tmp_path):
    """Unless it was sent before the journal began, or a moment ago."""
    touch = world.touch("smtp")
    other = {"message_id": "<x@x.test>", "recipient": world.alice.email}
    line = changed(world, **other)
    world.server.journal, kept = [line], world.server.journal
    try:
        file = journal_of(world, tmp_path)
        out = io.StringIO()
        with pytest.raises(CommandError):
            call_command("verify", "--journal", file, stdout=out)
        later = (touch.sent_at + timedelta(days=1)).isoformat()
        assert "I05 holds" in verify("--journal", file, "--since", later)
        year = str(365 * 24 * 60)
        assert "I05 holds" in verify("--journal", file, "--older-than", year)
    finally:
        world.server.journal = kept
    promise = "Every step marked as sent was delivered"
    assert f"I05 BROKEN      {promise}: 1 found, touch {touch.pk}\n" in out.getvalue()


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
    file = journal_of(world, tmp_path, changed(world, mailbox=world.sequence.mailbox.email))

    with pytest.raises(CommandError, match="is a Sandbox mailbox, whose journal is the database"):
        verify("--journal", file)


def test_lines_of_another_workspace_are_left_out(world, tmp_path):
    foreign = make_mailbox(world.elsewhere.workspace, provider=Mailbox.Provider.SMTP)
    ghost = changed(world, mailbox=foreign.email, message_id="<ghost@x.test>", reference="")
    file = journal_of(world, tmp_path, ghost)

    assert "Held: 24" in verify("--journal", file, "--workspace", "Healthy")
    with pytest.raises(CommandError, match="1 of the 24"):
        verify("--journal", file, "--workspace", "Elsewhere")
