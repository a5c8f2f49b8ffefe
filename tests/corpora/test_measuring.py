import json
from pathlib import Path

import pytest

from tests.corpora.__main__ import main
from tests.corpora.measuring import read_cases

REPORT = b"""From: mailer-daemon@globex.test
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Final-Recipient: rfc822; jordan@globex.test
Action: failed
Status: 5.1.1

--x--
"""


def write(path: Path, *cases: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """A folder of the form that is measured, with a case or two of everything."""
    (tmp_path / "bounces/own").mkdir(parents=True)
    (tmp_path / "bounces/own/1.eml").write_bytes(REPORT)
    jordan = {"recipient": "Jordan@globex.test", "hard": True, "reason": "userunknown"}
    write(
        tmp_path / "bounces/own/expected.jsonl",
        {"file": "own/1.eml", "kind": "bounce", "results": [jordan]},
        {"file": "own/1.eml", "permanent": ["jordan@globex.test"], "temporary": []},
    )
    (tmp_path / "reply_text/inputs").mkdir(parents=True)
    (tmp_path / "reply_text/inputs/1.txt").write_text("Yes.\n\nSent from my iPhone\n")
    case = {"id": "1", "source": "own", "input": "inputs/1.txt", "format": "text"}
    write(
        tmp_path / "reply_text/cases.jsonl",
        case | {"compare": "exact_strip", "expected": "Yes."},
        case | {"compare": "contains", "expected": None, "must_contain": ["Yes"]},
    )
    return tmp_path


def test_what_is_read_as_expected_is_counted(corpora, capsys):
    assert main([str(corpora)]) == 0

    said = capsys.readouterr().out
    assert "Mails with all recipients found: 2/2 (100.0 %)." in said
    assert "Suppressed though not in the expectation: 0" in said
    assert "As expected: 2/2 (100.0 %)." in said
    assert "Automatic replies" not in said and "Intent" not in said


def test_what_is_read_wrongly_is_counted_and_named(corpora, capsys):
    soft = {"recipient": "jordan@globex.test", "hard": False, "reason": "mailboxfull"}
    other = {"recipient": "kim@globex.test", "hard": True, "reason": "userunknown"}
    write(
        corpora / "bounces/own/expected.jsonl",
        {"file": "own/1.eml", "kind": "bounce", "results": [soft]},
        {"file": "own/1.eml", "kind": "bounce", "results": [other]},
    )
    write(
        corpora / "reply_text/cases.jsonl",
        {"id": "1", "input": "inputs/1.txt", "compare": "exact_strip", "expected": "Yes.\nAna"},
    )

    assert main([str(corpora), "--failed"]) == 0

    said = capsys.readouterr().out
    assert "Mails with all recipients found: 1/2 (50.0 %)." in said
    assert "Suppressed though not in the expectation: 1; though" in said
    assert "no more than soft: 1." in said
    assert "own/1.eml: would suppress jordan@globex.test" in said
    assert "Mails of which an expected line is missing: 1." in said
    assert "1: lost 'Ana'" in said


def test_automatic_replies_and_intent_are_measured_where_they_are_there(corpora, capsys):
    away = {"subject": "Automatic reply: Hi", "headers": {}, "now": "2026-11-21T09:00:00+00:00"}
    write(
        corpora / "auto_replies/cases.jsonl",
        away
        | {"body": "I am out of office until 1 December 2026.", "is_auto_reply": True}
        | {"kind": "out_of_office", "return_date": "2026-12-01"},
        away | {"subject": "Re: Hi", "body": "Sounds good.", "is_auto_reply": False},
        away | {"body": "I am away.", "is_auto_reply": False, "return_date": None},
    )
    write(
        corpora / "intent/cases.jsonl",
        {"body": "Not interested.", "accept": ["not_interested"]},
        {"body": "Please unsubscribe me.\n\n> Hi", "accept": ["unsubscribe"]},
        {"body": "Please unsubscribe me.", "accept": ["question", "other"]},
    )

    assert main([str(corpora), "--failed"]) == 0

    said = capsys.readouterr().out
    assert "Told apart: 2/3 (66.7 %)." in said
    assert "Day of return read: 1/1 (100.0 %)" in said
    assert "Accepted: 2/3 (66.7 %)." in said
    assert "missed: 0; seen where there is none: 1." in said


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("", "Name the folder of the corpora"),
        ("nowhere", "is no folder"),
        ("bounces", "has no folder “bounces”. Needed are bounces and reply_text"),
        ("reply_text", "has no folder “reply_text”"),
        ("bounces/own/expected.jsonl", "has no set with an expected.jsonl in it"),
        ("bounces/own/1.eml", "cannot be read"),
        ("reply_text/cases.jsonl", "cannot be read"),
    ],
)
def test_what_is_missing_is_named(corpora, capsys, missing, words):
    folder = {"": "", "nowhere": str(corpora / "nowhere")}.get(missing, str(corpora))
    if missing and missing != "nowhere":
        (corpora / missing).rename(corpora / "elsewhere")

    assert main([folder]) == 2

    said = capsys.readouterr()
    assert words in said.err
    assert not said.out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "holds no cases"),
        ("{", "line 1: not JSON"),
        ("[]", "line 1: an object is needed"),
        ('{"id": 1}', "line 1: the field “body” is missing"),
    ],
)
def test_a_line_that_is_no_case_is_named(tmp_path, line, words):
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{line}\n")

    with pytest.raises(Exception, match=words):
        read_cases(path, "body")
