"""The domain, in reading order: a contact belongs to a company; a sequence has steps; an
enrollment is one contact's run through one sequence; a touch is one step of one enrollment;
an event is what happened; a reply ends the run; a suppression forbids the next one."""

from sequences.models.attempt import Attempt
from sequences.models.contact import Company, Contact, ContactList
from sequences.models.deal import Deal
from sequences.models.enrollment import Enrollment
from sequences.models.event import Event
from sequences.models.importing import Batch, Import, ImportProblem, Skip
from sequences.models.reply import Reply
from sequences.models.revision import Revision, TextChanged
from sequences.models.sequence import NotReady, PoolMember, Sequence, SequenceDay, Step
from sequences.models.suppression import OptOutLink, Suppression
from sequences.models.touch import Touch

__all__ = [
    "Attempt",
    "Batch",
    "Company",
    "Contact",
    "ContactList",
    "Deal",
    "Enrollment",
    "Event",
    "Import",
    "ImportProblem",
    "NotReady",
    "OptOutLink",
    "PoolMember",
    "Reply",
    "Revision",
    "Sequence",
    "SequenceDay",
    "Skip",
    "Step",
    "Suppression",
    "TextChanged",
    "Touch",
]
