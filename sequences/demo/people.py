"""Who the demo writes to: made-up people at made-up companies, at addresses that cannot exist."""

from dataclasses import dataclass

# The Sandbox takes mail to her for spam, so that there is a failed step to look at.
REFUSED = "Raghunathan"


@dataclass(frozen=True)
class Firm:
    name: str
    domain: str
    industry: str
    city: str
    country: str
    zone: str
    people: tuple[tuple[str, str, str], ...]


FIRMS = (
    Firm(
        "Northwind Freight",
        "northwind.example",
        "Logistics",
        "Antwerp",
        "Belgium",
        "Europe/Brussels",
        (("Amélie", "Laurent", "Head of Operations"), ("Joris", "De Smet", "Planning Lead")),
    ),
    Firm(
        "Globex Cold Chain",
        "globex.example",
        "Logistics",
        "Rotterdam",
        "Netherlands",
        "Europe/Amsterdam",
        (("Sanne", "van den Heuvel", "COO"), ("Thijs", "Bakker", "Warehouse Director")),
    ),
    Firm(
        "Łódzkie Zakłady Tekstylne Nowa Przędza",
        "nowaprzedza.example",
        "Textiles",
        "Łódź",
        "Poland",
        "Europe/Warsaw",
        (
            ("Małgorzata", "Wiśniewska-Kowalczyk", "Managing Director"),
            ("Paweł", "Zieliński", "CFO"),
        ),
    ),
    Firm(
        "Casa Herrera",
        "casaherrera.example",
        "Furniture",
        "Valencia",
        "Spain",
        "Europe/Madrid",
        (("Tomás", "Herrera", "Owner"), ("Lucía", "Núñez Ortega", "Export Manager")),
    ),
    Firm(
        "Høyland Marine",
        "hoyland.example",
        "Shipbuilding",
        "Bergen",
        "Norway",
        "Europe/Oslo",
        (("Ingrid", "Høyland", "CEO"), ("Bjørn", "Sætre", "Purchasing Manager")),
    ),
    Firm(
        "Müller & Söhne Präzisionswerkzeuge",
        "mueller-soehne.example",
        "Manufacturing",
        "Stuttgart",
        "Germany",
        "Europe/Berlin",
        (
            ("Jürgen", "Müller", "Geschäftsführer"),
            ("Franziska", "Weiß", "Head of Sales Operations"),
        ),
    ),
    Firm(
        "Atelier Fontaine",
        "atelierfontaine.example",
        "Architecture",
        "Lyon",
        "France",
        "Europe/Paris",
        (("Éloïse", "Fontaine", "Partner"), ("Côme", "d'Aubigny", "Studio Manager")),
    ),
    Firm(
        "Petronella Foods",
        "petronella.example",
        "Food",
        "Bologna",
        "Italy",
        "Europe/Rome",
        (("Chiara", "Bianchi", "Operations Director"), ("Niccolò", "Ferrari", "Supply Chain Lead")),
    ),
    Firm(
        "Harbour & Pine",
        "harbourpine.example",
        "Hospitality",
        "Halifax",
        "Canada",
        "America/Halifax",
        (("Siobhán", "MacLeod", "General Manager"), ("Olivier", "Tremblay", "Finance Lead")),
    ),
    Firm(
        "Cascade Outdoor",
        "cascadeoutdoor.example",
        "Retail",
        "Portland",
        "United States",
        "America/Los_Angeles",
        (("Maya", "Goldberg", "VP Operations"), ("DeShawn", "Carter", "Head of Support")),
    ),
    Firm(
        "Initech Billing",
        "initech.example",
        "Software",
        "Austin",
        "United States",
        "America/Chicago",
        (("Priya", "Raghunathan", "Chief of Staff"), ("Peter", "O'Malley", "RevOps Manager")),
    ),
    Firm(
        "Verde Solar",
        "verdesolar.example",
        "Energy",
        "São Paulo",
        "Brazil",
        "America/Sao_Paulo",
        (("João", "Guimarães", "Commercial Director"), ("Beatriz", "Araújo", "Head of Projects")),
    ),
    Firm(
        "Quetzal Coffee",
        "quetzalcoffee.example",
        "Food",
        "Antigua Guatemala",
        "Guatemala",
        "America/Guatemala",
        (("María José", "Xicará", "Founder"), ("Andrés", "Pérez", "Head of Exports")),
    ),
    Firm(
        "Tanaka Optics",
        "tanaka-optics.example",
        "Manufacturing",
        "Osaka",
        "Japan",
        "Asia/Tokyo",
        (("Yuki", "Tanaka", "Director"), ("Haruto", "Sasaki", "Sales Manager")),
    ),
    Firm(
        "Kilimani Health",
        "kilimani.example",
        "Healthcare",
        "Nairobi",
        "Kenya",
        "Africa/Nairobi",
        (("Wanjiru", "Kamau", "Operations Lead"), ("Otieno", "Odhiambo", "Finance Director")),
    ),
    Firm(
        "Adeyemi Logistics",
        "adeyemi.example",
        "Logistics",
        "Lagos",
        "Nigeria",
        "Africa/Lagos",
        (("Folasade", "Adeyemi", "CEO"), ("Chukwuemeka", "Okonkwo-Eze", "Fleet Manager")),
    ),
    Firm(
        "Bondi Labs",
        "bondilabs.example",
        "Software",
        "Sydney",
        "Australia",
        "Australia/Sydney",
        (("Isla", "Nguyen", "Head of Growth"), ("Lachlan", "Wright", "Co-founder")),
    ),
    Firm(
        "Shakti Textiles",
        "shaktitextiles.example",
        "Textiles",
        "Surat",
        "India",
        "Asia/Kolkata",
        (("Ananya", "Deshpande", "General Manager"), ("Venkataraman", "Subramanian", "Director")),
    ),
    Firm(
        "Kıvanç Makina",
        "kivanc.example",
        "Manufacturing",
        "İzmir",
        "Türkiye",
        "Europe/Istanbul",
        (("Gülşen", "Yılmaz", "Export Director"), ("Emre", "Çelik", "Operations Manager")),
    ),
    Firm(
        "Brontë Books",
        "brontebooks.example",
        "Publishing",
        "Leeds",
        "United Kingdom",
        "Europe/London",
        (("Charlotte", "Ashworth", "Publishing Director"), ("Idris", "Khan", "Head of Rights")),
    ),
    Firm(
        "Dvořák Sklo",
        "dvorak-sklo.example",
        "Glassware",
        "Liberec",
        "Czechia",
        "Europe/Prague",
        (("Tereza", "Dvořáková", "Owner"), ("Ondřej", "Šťastný", "Production Manager")),
    ),
    Firm(
        "Aurora Clinics",
        "auroraclinics.example",
        "Healthcare",
        "Tampere",
        "Finland",
        "Europe/Helsinki",
        (("Aino", "Mäkelä", "Practice Manager"), ("Väinö", "Lehtonen", "CIO")),
    ),
)
