"""Taking persons over into the contacts, hundreds at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from outreach.models import AuditEntry, User, Workspace
from outreach.times import now
from sequences.engine.suppressing import lock_runs
from sequences.models import Company, Contact, ContactList, Enrollment
from sequences.rules.addresses import company_domain
from sequences.rules.people import Person, domain_of_website

# What an import may write; bulk writes skip save(), so `search` is among them.
WRITTEN = [
    "company",
    "first_name",
    "last_name",
    "title",
    "phone",
    "linkedin_url",
    "city",
    "country",
    "zone",
    "status",
    "stage",
    "score",
    "fields",
    "search",
    "updated_at",
]
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """The contacts that were made, changed, and found but left alone, in no order."""

    created: int
    updated: int
    kept: int


def take_over(
    workspace: Workspace,
    people: Sequence[Person],
    *,
    update: bool = True,
    into: ContactList | None = None,
    source: str = Contact.Source.IMPORT,
) -> Taken:
    """Create a contact for each new address, and change those known; call it in a transaction.

    Each address occurs once in `people`. What a person does not say is left as it is. Rows are
    locked companies first, then contacts, each in the order of their names, so that two imports
    wait for each other and never both.
    """
    companies = _Companies(workspace, people, update=update)
    known = {
        contact.email: contact
        for contact in Contact.everywhere.filter(
            workspace=workspace, email__in=[person.email for person in people]
        )
        .order_by("email")
        .select_for_update(no_key=True, of=("self",))
        .select_related("company")
    }
    new: list[Contact] = []
    changed: list[Contact] = []
    for person in sorted(people, key=lambda person: person.email):
        contact = known.get(person.email)
        if contact is None:
            contact = Contact(workspace=workspace, email=person.email, source=source)
            new.append(contact)
        elif not update:
            continue
        if _apply(person, contact, companies) and contact.pk:
            changed.append(contact)
    # Somebody who makes one of these contacts in this moment makes it fail as a whole; the
    # caller tries again and finds it.
    Contact.everywhere.bulk_create(new, batch_size=AT_ONCE)
    Contact.everywhere.bulk_create(
        changed,
        batch_size=AT_ONCE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=WRITTEN,
    )
    companies.refresh_search(except_for=[*known.values(), *new])
    if into is not None:
        _add_to_list(into, [*new, *known.values()])
    taken = len(people) - len(new)
    return Taken(len(new), taken if update else 0, 0 if update else taken)


def _apply(person: Person, contact: Contact, companies: "_Companies") -> bool:
    """Write what the person says into the contact, and tell whether that changed it."""
    before = [getattr(contact, name) for name in ("company_id", *person.values)]
    company = companies.of(person)
    if company is not None and (person.names_company or contact.company_id is None):
        contact.company = company
    for name, value in person.values.items():
        # A table that has lain around does not take back that somebody was contacted.
        if name != "status" or value != Contact.Status.NEW:
            setattr(contact, name, value)
    fields = contact.fields | person.fields
    if person.industry and contact.company_id is None:
        fields["industry"] = person.industry
    search = contact.searchable()
    after = [getattr(contact, name) for name in ("company_id", *person.values)]
    changed = (before, contact.fields, contact.search) != (after, fields, search)
    contact.fields, contact.search = fields, search
    return changed


def _add_to_list(target: ContactList, contacts: Iterable[Contact]) -> None:
    through = ContactList.contacts.through
    ids = sorted(contact.pk for contact in contacts)
    rows = [through(contactlist_id=target.pk, contact_id=pk) for pk in ids]
    through.objects.bulk_create(rows, ignore_conflicts=True, batch_size=AT_ONCE)


class _Companies:
    """The companies of a chunk of people, made or changed where they have to be.

    A company is known by its domain; without one, as with free mail, by its name.
    """

    def __init__(self, workspace: Workspace, people: Sequence[Person], *, update: bool) -> None:
        self.workspace = workspace
        self.renamed: list[int] = []
        domains: dict[str, Person] = {}
        names: dict[str, Person] = {}
        for person in people:
            if person.domain:
                if person.company or person.industry or person.domain not in domains:
                    domains[person.domain] = person
            elif person.company:
                names[person.company] = person
        self.by_domain = self._find_or_make("domain", domains)
        self.by_name = self._find_or_make("name", names, domain="")
        if update:
            self._change([*domains.values(), *names.values()])

    def of(self, person: Person) -> Company | None:
        if person.domain:
            return self.by_domain[person.domain]
        return self.by_name[person.company] if person.company else None

    def _find_or_make(self, key: str, wanted: dict[str, Person], **only: str) -> dict[str, Company]:
        found = self._find(key, wanted, **only)
        new = [
            Company(
                workspace=self.workspace,
                name=person.company,
                domain=person.domain,
                industry=person.industry,
            )
            for value, person in sorted(wanted.items())
            if value not in found
        ]
        if new:
            # Another import may be making the same company.
            Company.everywhere.bulk_create(new, ignore_conflicts=True, batch_size=AT_ONCE)
            found = self._find(key, wanted, **only)
        return found

    def _find(self, key: str, wanted: dict[str, Person], **only: str) -> dict[str, Company]:
        if not wanted:
            return {}
        rows = Company.everywhere.filter(
            workspace=self.workspace, **{f"{key}__in": list(wanted)}, **only
        )
        rows = rows.order_by(key, "-pk").select_for_update(no_key=True)
        return {getattr(company, key): company for company in rows}

    def _change(self, people: Iterable[Person]) -> None:
        changed = []
        for person in people:
            company = self.of(person)
            if company is None:
                continue
            # The same name in other letters is no new name.
            renames = person.company and person.company.casefold() != company.name.casefold()
            moves = person.industry and person.industry != company.industry
            if renames:
                company.name = person.company
                self.renamed.append(company.pk)
            if moves:
                company.industry = person.industry
            if renames or moves:
                changed.append(company)
        Company.everywhere.bulk_update(changed, ["name", "industry"], batch_size=AT_ONCE)

    def refresh_search(self, *, except_for: Sequence[Contact]) -> None:
        """Let the search box find the other contacts of renamed companies under the new name."""
        if not self.renamed:
            return
        done = {contact.pk for contact in except_for}
        stale = Contact.everywhere.filter(workspace=self.workspace, company_id__in=self.renamed)
        stale = stale.order_by("pk").select_related("company")
        last = 0
        while batch := list(
            stale.filter(pk__gt=last).select_for_update(no_key=True, of=("self",))[:AT_ONCE]
        ):
            last = batch[-1].pk
            batch = [contact for contact in batch if contact.pk not in done]
            for contact in batch:
                contact.search, contact.updated_at = contact.searchable(), now()
            Contact.everywhere.bulk_update(batch, ["search", "updated_at"])


def place(contact: Contact, *, company: str, website: str) -> None:
    """Give the contact its company: by the website, else by the address's domain, else by name."""
    domain = domain_of_website(website)
    person = Person(
        email=contact.email,
        values={},
        fields={},
        company=company,
        domain=domain or company_domain(contact.email),
        names_company=bool(company or domain),
    )
    with transaction.atomic():
        companies = _Companies(contact.workspace, [person], update=True)
        contact.company = companies.of(person)
        contact.save()
        companies.refresh_search(except_for=[contact])


def delete(workspace: Workspace, contacts: Sequence[Contact], *, by: User) -> None:
    """Delete contacts for good; their runs are stopped and stay, without the person."""
    for begin in range(0, len(contacts), AT_ONCE):
        some = contacts[begin : begin + AT_ONCE]
        ids = [contact.pk for contact in some]
        with transaction.atomic():
            unfinished = Q(contact__in=ids, status__in=Enrollment.UNFINISHED)
            for run in lock_runs(workspace, unfinished):
                # In nobody's name: an undo would let the run go on without a person.
                if not run.is_finished:
                    run.stop(reason=Enrollment.EndReason.CANCELLED, note="The contact was deleted")
            leaving = Contact.everywhere.filter(workspace=workspace, pk__in=ids)
            # As an import locks them: it must not put them on a list meanwhile.
            list(leaving.order_by("email").select_for_update().values_list("pk"))
            for contact in some:
                AuditEntry.note(workspace, "delete_contact", by=by, about=contact)
            leaving.delete()
