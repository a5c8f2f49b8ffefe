"""Which column of a table of contacts is which, from its header and some of its values."""

import re
import unicodedata
from collections.abc import Callable, Sequence

FIELDS = (
    "email",
    "first_name",
    "last_name",
    "full_name",
    "title",
    "company",
    "domain",
    "industry",
    "phone",
    "linkedin_url",
    "city",
    "country",
    "zone",
    "score",
    "status",
)

# Headers as people write them, in English, German, French, Spanish, Portuguese, Italian and Dutch,
# without accents, spaces and punctuation.
HEADERS = {
    "email": """email emailaddress emailadresse emailid emails mail mailadresse workemail
        businessemail contactemail primaryemail email1 e1mail adresseemail adressemail
        adressedemessagerie adresseelectronique courriel correo correoelectronico direcciondecorreo
        enderecodeemail enderecoeletronico correioeletronico indirizzoemail postaelettronica
        emailadres mailadres zakelijkemail""",
    "first_name": """firstname first givenname given forename contactfirstname vorname rufname
        prenom nombre nombredepila primeironome prenome nomeproprio voornaam""",
    "last_name": """lastname last surname familyname family contactlastname nachname familienname
        zuname nomdefamille apellido apellidos sobrenome apelido ultimonome cognome achternaam
        familienaam""",
    "full_name": """fullname name contact contactname person personname leadname displayname
        ansprechpartner kontakt kontaktperson nomcomplet nometprenom nomprenom interlocuteur
        nombrecompleto nombreyapellidos contacto nomecompleto nomeesobrenome contato
        nomeecognome nomecognome nominativo contatto referente naam volledigenaam
        contactpersoon""",
    "title": """title jobtitle job position role jobrole designation headline occupation titel
        funktion stelle berufsbezeichnung jobbezeichnung rolle poste fonction titre
        intituledeposte cargo puesto funcao ruolo posizione funzione functie functietitel""",
    "company": """company companyname organization organisation organizationname organisationname
        account accountname employer business businessname currentcompany firma firmenname
        unternehmen arbeitgeber entreprise societe nomdelentreprise nomdelasociete raisonsociale
        empresa nombredelaempresa compania organizacion nomedaempresa companhia organizacao
        azienda nomeazienda societa ragionesociale organizzazione bedrijf bedrijfsnaam
        organisatie""",
    "domain": """domain companydomain domainname website web webpage companywebsite websiteurl
        url homepage webseite internetseite siteweb site sitoweb sito paginaweb sitioweb
        dominio domaine domein webadres companyurl""",
    "industry": """industry sector vertical branche wirtschaftszweig industrie secteur
        secteurdactivite industria setor ramo settore bedrijfstak""",
    "phone": """phone phonenumber telephone telephonenumber tel mobile mobilephone mobilenumber
        cell cellphone directphone workphone telefon telefonnummer handy mobil rufnummer
        numerodetelephone portable mobilenummer telefono numerodetelefono movil celular telefone
        numerodetelefone telemovel cellulare numeroditelefono telefoon telefoonnummer mobiel""",
    "linkedin_url": """linkedin linkedinurl linkedinprofile linkedinprofileurl personlinkedinurl
        linkedinlink profileurl linkedinprofil profillinkedin perfildelinkedin perfildolinkedin
        profilolinkedin linkedinprofiel""",
    "city": """city town locality ort stadt wohnort ville ciudad cidade localidade citta comune
        stad plaats woonplaats""",
    "country": """country countryname countrycode nation land staat pays pais paese nazione""",
    "zone": """zone timezone tz zeitzone fuseauhoraire zonahoraria husohorario fusohorario
        fusoorario tijdzone""",
    "score": """score leadscore rating punkte bewertung puntuacion pontuacao punteggio""",
    "status": """status leadstatus contactstatus statut estado situacao stato""",
}
FIELD_OF_HEADER = {name: field for field, names in HEADERS.items() for name in names.split()}

# A column that says "name" holds the family name where another one holds the first names.
NAME_BESIDE_FIRST_NAME = {"name", "nom", "nome", "naam", "cognome", "nombre"}

EMAIL = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,255}\.[^\s@<>,;.]{2,63}")
LINKEDIN = re.compile(r"(https?://)?([a-z]{2,3}\.)?linkedin\.com/\S+", re.I)
ZONE = re.compile(r"(Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/-]+")
PHONE = re.compile(r"(\+|00|\()[\d\s()./-]{7,24}")
WEB = re.compile(r"https?://\S+|www\.\S+", re.I)
NUMBER = re.compile(r"[-+]?\d[\d.,\s]*%?")
DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ].*)?")

# Values that tell what they are whatever the header says, surest first.
TELLING: dict[str, Callable[[str], object]] = {
    "email": lambda value: EMAIL.fullmatch(value.rpartition("<")[2].rstrip(">")),
    "linkedin_url": LINKEDIN.match,
    "zone": ZONE.fullmatch,
    "phone": PHONE.fullmatch,
    "domain": WEB.match,
}
SHAPES: tuple[Callable[[str], object], ...] = (*TELLING.values(), NUMBER.fullmatch, DATE.fullmatch)


def plain(header: str) -> str:
    """Return a header's letters and digits without accents, in lower case.

    >>> plain("E-Mail Adresse "), plain("Prénom"), plain("first_name")
    ('emailadresse', 'prenom', 'firstname')
    """
    letters = unicodedata.normalize("NFKD", header[:200]).casefold()
    return "".join(c for c in letters if c.isalnum())


def guess_columns(header: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[int, str]:
    """Return the field of each column that is recognised; no field is given to two columns.

    >>> guess_columns(["Nom", "Prénom", "Société", "x"], [["Silva", "Ana", "Acme", "ana@a.test"]])
    {0: 'last_name', 1: 'first_name', 2: 'company', 3: 'email'}
    >>> guess_columns([], [["ana@acme.test", "Ana"]])
    {0: 'email'}
    """
    width = max((len(row) for row in (header, *samples)), default=0)
    columns = [[row[i].strip() for row in samples if i < len(row)] for i in range(width)]
    found: dict[int, str] = {}
    names = [plain(name) for name in header]
    for i, name in enumerate(names):
        field = FIELD_OF_HEADER.get(name, "")
        if field and field not in found.values() and _fits(field, columns[i]):
            found[i] = field
    _settle_names(names, found)
    for field, tells in TELLING.items():
        if field not in found.values():
            unused = [i for i in range(width) if i not in found]
            shares = {i: _share(columns[i], tells) for i in unused}
            best = max(unused, key=lambda i: shares[i], default=None)
            if best is not None and shares[best] >= 0.6:
                found[best] = field
    return dict(sorted(found.items()))


def _fits(field: str, values: list[str]) -> bool:
    """Say whether the values could be the field's; a column of links is no name."""
    if field == "email":
        return not any(values) or _share(values, TELLING["email"]) > 0
    if field in ("domain", "linkedin_url", "phone"):
        return True
    return _share(values, TELLING["email"]) < 0.5 and _share(values, TELLING["domain"]) < 0.5


def _settle_names(names: list[str], found: dict[int, str]) -> None:
    """Tell first, last and full names apart where one header could be either."""
    fields = set(found.values())
    for i, name in enumerate(names):
        if name not in NAME_BESIDE_FIRST_NAME or found.get(i) not in (None, "full_name"):
            continue
        if "first_name" in fields and "last_name" not in fields:
            found[i] = "last_name"
        elif name == "nome" and "last_name" in fields and "first_name" not in fields:
            found[i] = "first_name"
        elif i not in found and "full_name" not in fields:
            found[i] = "full_name"
        fields = set(found.values())


def _share(values: list[str], tells: Callable[[str], object]) -> float:
    """Return how much of what is there is told to be the field's."""
    filled = [value[:500] for value in values if value]
    return sum(1 for value in filled if tells(value)) / len(filled) if filled else 0.0


def has_header(first: Sequence[str], samples: Sequence[Sequence[str]]) -> bool:
    """Say whether the first row names the columns and is not a contact itself.

    >>> has_header(["Name", "E-Mail"], [["Ana", "ana@acme.test"]])
    True
    >>> has_header(["Ana", "ana@acme.test"], [["Bo", "bo@acme.test"]])
    False
    """
    cells = [cell.strip() for cell in first]
    if any(TELLING["email"](cell) or LINKEDIN.match(cell) for cell in cells):
        return False
    if any(plain(cell) in FIELD_OF_HEADER for cell in cells):
        return True
    # Names of columns are words, also above columns of numbers, dates and links.
    for i, cell in enumerate(cells):
        below = [row[i].strip() for row in samples if i < len(row)]
        for tells in SHAPES:
            if cell and tells(cell) and _share(below, tells) > 0.5:
                return False
    return True
