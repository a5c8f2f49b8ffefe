import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules.addresses import (
    FREE_MAIL,
    ROLES,
    check_address,
    company_domain,
    is_free_mail,
    is_role,
)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ana@acme.com", "ana@acme.com"),
        ("  Ana@ACME.com\t", "ana@acme.com"),
        ("\ufeffana@acme.com\u200b", "ana@acme.com"),
        ("<ana@acme.com>", "ana@acme.com"),
        ("Ana Silva <ana@acme.com>", "ana@acme.com"),
        ('"Silva, Ana" <ana@acme.com>', "ana@acme.com"),
        ("mailto:ana@acme.com", "ana@acme.com"),
        ("ana+news@acme.co.uk", "ana+news@acme.co.uk"),
        ("ana@bücher.de", "ana@xn--bcher-kva.de"),
        ("ana@xn--bcher-kva.de", "ana@xn--bcher-kva.de"),
        ("o'brien@acme.ie", "o'brien@acme.ie"),
        ("jordan@globex.test", "jordan@globex.test"),
    ],
)
def test_an_address_is_kept_in_one_form(written, normal):
    assert check_address(written).normal == normal
    assert check_address(written).ok


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "ana",
        "ana@",
        "@acme.com",
        "ana@acme",
        "ana@@acme.com",
        "ana silva@acme.com",
        "ana@acme..com",
        ".ana@acme.com",
        "ana@-acme.com",
        "ana@[127.0.0.1]",
        "ana@localhost",
        "ana@acme.com\nBcc: b@acme.com",
        "ana@acme.com\r\n.",
        "ana@acme.com, bob@acme.com",
        "ana@acme.com;bob@acme.com",
        "ana@acme.com bob@acme.com",
        "Ana <ana@acme.com> Bob <bob@acme.com>",
        "<<ana@acme.com>>",
        "josé@acme.com",
        "a" * 65 + "@acme.com",
        "ana@" + "a" * 320 + ".com",
        "n/a",
        "\x00ana@acme.com",
    ],
)
def test_what_cannot_be_written_to_is_malformed_and_says_why(written):
    address = check_address(written)

    assert (address.ok, address.reason, address.normal) == (False, "malformed", "")
    assert address.problem.endswith(".")


@given(st.text(max_size=400) | st.emails())
def test_the_normal_form_is_its_own_normal_form(written):
    address = check_address(written)

    if address.ok:
        assert check_address(address.normal) == address
        assert address.normal.count("@") == 1
        assert address.normal.isascii() and address.normal == address.normal.lower()
        assert not set(address.normal) & set(" \r\n\t<>,;")


@pytest.mark.parametrize("name", ["info", "Sales", "no-reply", "customer.service", "jobs+uk", "HR"])
def test_a_function_is_no_person(name):
    assert is_role(name)


@pytest.mark.parametrize("name", ["ana", "info.silva", "salesforce", "adminah", "jobs2go", ""])
def test_a_person_is_no_function(name):
    assert not is_role(name)


def test_free_mail_never_stands_for_a_company():
    assert company_domain("ana@yahoo.co.uk") == ""
    assert company_domain("ana@mail.acme.co.uk") == "mail.acme.co.uk"
    assert company_domain("nobody") == ""


def test_the_lists_hold_what_the_look_ups_ask_for():
    assert all(is_role(role) for role in ROLES)
    assert all(is_free_mail(domain) for domain in FREE_MAIL)
    assert all("." in domain and check_address(f"ana@{domain}").ok for domain in FREE_MAIL)
