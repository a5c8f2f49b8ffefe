"""What is left of the HTML of a mail, and that it is left within bounded time."""

import re
import time

import pytest

from mailboxes import frames
from tests.mailboxes.hostile import TRICKS

# Whatever could act, or bring something from elsewhere, in a tag that is left.
ACTS = re.compile(r"<[^>]*(\son|\sdata-|hx-|script:|url\(|position|srcset|srcdoc|far\.test)", re.I)
TAG = re.compile(r"<\s*/?\s*([a-z0-9]+)", re.I)


@pytest.mark.parametrize("trick", TRICKS.values(), ids=list(TRICKS))
def test_nothing_is_left_that_acts(trick):
    cleaned = frames.clean(trick)

    assert not ACTS.search(re.sub(r'"data:image/[^"]*"', '""', cleaned)), cleaned
    assert {tag.lower() for tag in TAG.findall(cleaned)} <= frames.TAGS | {"svg"}


def test_what_people_write_stays():
    written = (
        '<p dir="rtl" style="color:red">Hi <b>Ana</b></p><table border="1"><tbody><tr>'
        '<td colspan="2">A</td></tr></tbody></table><img src="data:image/png;base64,AA==" alt="a">'
    )

    assert frames.clean(written) == written


def test_links_stay_and_tell_nobody_where_they_were_read():
    cleaned = frames.clean('<a href="https://globex.test/?a=1" target="_top">See</a>')

    assert cleaned == '<a href="https://globex.test/?a=1" rel="noopener noreferrer">See</a>'


@pytest.mark.parametrize(
    "address", ["tel:+1555", "ftp://globex.test", "data:text/html,x", "/inbox/", "JavaScript:x()"]
)
def test_no_link_leads_but_to_the_web_or_to_a_mail(address):
    assert "href" not in frames.clean(f'<a href="{address}">See</a>')
    assert 'href="mailto:a@globex.test"' in frames.clean('<a href="mailto:a@globex.test">A</a>')


def test_a_link_cannot_say_that_it_leads_elsewhere():
    mail = '<a href="https://globex.test" title="https://bank.test">See</a>'

    assert "bank.test" not in frames.clean(mail)


def test_images_from_elsewhere_come_only_when_asked_for():
    mail = '<img src="https://globex.test/logo.png" alt="Globex">'

    assert frames.clean(mail) == '<img alt="Globex">'
    assert frames.clean(mail, images=True) == mail
    assert frames.POLICY["img-src"] == ["data:"]


@pytest.mark.parametrize(
    "mail",
    [
        "<div>" * 200_000,
        "<p " + " ".join(f"a{each}" for each in range(150_000)) + ">Hi",
        "<b><i>" * 160_000,
        "<table><tr><td>" * 60_000,
        "<a title='" + "x" * 999_000,
        "<p>" + "&amp;" * 190_000,
    ],
    ids=["nested", "attributes", "formats", "tables", "unclosed", "entities"],
)
def test_a_mail_that_is_made_to_be_slow_is_not(mail):
    begun = time.process_time()

    frames.shown(mail)

    assert time.process_time() - begun < 5


def test_what_is_cut_off_is_said():
    assert frames.CUT in frames.shown("<p>Hi</p>" * 20_000)
    assert frames.CUT not in frames.shown("<p>Hi</p>")
