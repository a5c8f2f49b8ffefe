import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.rules.columns import FIELD_OF_HEADER, FIELDS, HEADERS, guess_columns, plain

NAMES = ("email", "first_name", "last_name", "company", "title", "phone", "city", "country")


@pytest.mark.parametrize(
    "header",
    [
        "Email,First Name,Last Name,Company,Job Title,Phone,City,Country",
        "E-Mail,Vorname,Nachname,Firma,Position,Telefon,Ort,Land",
        "Adresse e-mail,Prénom,Nom,Société,Poste,Téléphone,Ville,Pays",
        "Correo electrónico,Nombre,Apellidos,Empresa,Cargo,Teléfono,Ciudad,País",
        "E-mail,Primeiro nome,Sobrenome,Empresa,Cargo,Telefone,Cidade,País",
        "Indirizzo email,Nome,Cognome,Azienda,Ruolo,Telefono,Città,Paese",
        "E-mailadres,Voornaam,Achternaam,Bedrijf,Functie,Telefoon,Plaats,Land",
    ],
)
def test_headers_are_understood_in_seven_languages(header):
    assert tuple(guess_columns(header.split(","), []).values()) == NAMES


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("Name,Vorname", ["last_name", "first_name"]),
        ("Nome,Cognome", ["first_name", "last_name"]),
        ("Name,E-Mail", ["full_name", "email"]),
        ("Nome,E-mail", ["full_name", "email"]),
        ("first_name,last_name,name", ["first_name", "last_name", "full_name"]),
        ("Website,Industry,Time zone,Score", ["domain", "industry", "zone", "score"]),
        ("Person Linkedin Url,Company", ["linkedin_url", "company"]),
    ],
)
def test_like_named_columns_are_told_apart(header, fields):
    assert list(guess_columns(header.split(","), []).values()) == fields


def test_a_column_of_addresses_is_found_under_any_header():
    found = guess_columns(["foo", "bar"], [["Ana", "ana@acme.test"], ["Bo", ""]])

    assert found == {1: "email"}


def test_a_column_called_email_without_any_address_gives_way():
    found = guess_columns(["E-mail", "Other"], [["yes", "ana@acme.test"]])

    assert found == {1: "email"}


def test_links_zones_and_numbers_tell_what_they_are():
    samples = [["https://www.linkedin.com/in/ana", "Europe/Lisbon", "+351 21 000 00 00"]] * 3

    assert guess_columns(["a", "b", "c"], samples) == {0: "linkedin_url", 1: "zone", 2: "phone"}


def test_the_first_of_two_like_columns_is_taken():
    samples = [["ana@acme.test", "ana@home.test"]]

    assert guess_columns(["Email", "E-mail"], samples) == {0: "email"}


@given(
    st.lists(st.text(max_size=20) | st.sampled_from(["Email", "Name", "Nome"]), max_size=8),
    st.lists(st.lists(st.text(max_size=20) | st.emails(), max_size=9), max_size=5),
)
def test_no_field_is_given_twice_and_every_column_exists(header, samples):
    found = guess_columns(header, samples)

    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= set(FIELDS)
    assert all(0 <= i < max(map(len, [header, *samples])) for i in found)


def test_no_header_stands_for_two_fields():
    listed = [name for names in HEADERS.values() for name in names.split()]

    assert len(listed) == len(set(listed)) == len(FIELD_OF_HEADER)
    assert all(plain(name) == name for name in listed)
    assert set(HEADERS) == set(FIELDS)
