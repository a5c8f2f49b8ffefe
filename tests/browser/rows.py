"""What the browser tests look at: prospects in every state, made directly."""

from collections.abc import Iterable

from playwright.sync_api import Locator, Page

from outreach.models import Workspace
from sequences.models import Company, Contact, Enrollment, Sequence, Touch
from tests.factories import make_company, make_contact, make_enrollment, make_sequence

NAMES = ("Ana Ruiz", "Bela Kiss", "Cleo Marsh", "Dora Lund", "Emil Berg")


def make_run(
    workspace: Workspace, name: str, sequence: Sequence, *, steps: int = 2, **values: object
) -> Enrollment:
    """A run of this person whose drafts wait for approval, at a company named after them."""
    first, _, last = name.partition(" ")
    contact = make_contact(
        workspace,
        first_name=first,
        last_name=last,
        company=make_company(workspace, f"{last} Works"),
    )
    return make_enrollment(workspace, sequence=sequence, contact=contact, steps=steps, **values)


def make_runs(workspace: Workspace, names: Iterable[str] = NAMES) -> list[Enrollment]:
    """Runs that wait for approval; the table shows the last one first."""
    sequence = make_sequence(workspace, per_minute=60)
    return [make_run(workspace, name, sequence) for name in names]


def make_many(workspace: Workspace, number: int) -> Sequence:
    """So many runs at once, without drafts to read."""
    sequence = make_sequence(workspace, name="Many")
    company = Company.everywhere.create(workspace=workspace, name="Many & Sons")
    people = [
        Contact(
            workspace=workspace,
            company=company,
            email=f"many{n}@many.test",
            first_name="Person",
            last_name=f"{n:03}",
            search=f"person {n:03} many & sons",
        )
        for n in range(number)
    ]
    Contact.everywhere.bulk_create(people)
    Enrollment.everywhere.bulk_create(
        Enrollment(
            workspace=workspace,
            sequence=sequence,
            contact=person,
            mailbox=sequence.mailbox,
            status=Enrollment.Status.PAUSED,
            steps_total=2,
        )
        for person in people
    )
    return sequence


def fail_first_step(run: Enrollment) -> Touch:
    """Let the first step of an approved run be refused by its provider."""
    touch = run.touches.get(position=1)
    Touch.objects.filter(pk=touch.pk).update(
        status=Touch.Status.FAILED,
        error="554 5.7.1 Message refused: it looks like spam",
        error_kind="content",
        attempts_made=1,
    )
    run.refresh_block()
    return touch


def row_of(page: Page, run: Enrollment) -> Locator:
    return page.locator(f"#row-{run.pk}")


def shown(page: Page) -> list[str]:
    """The people that the table shows, from top to bottom."""
    return [
        text.split(" · ")[0] for text in page.locator("#rows a.prospect > span").all_inner_texts()
    ]
