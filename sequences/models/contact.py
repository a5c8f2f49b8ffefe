from typing import Any

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from outreach.models import Workspace
from outreach.tenancy import EverywhereQuerySet, WorkspaceQuerySet
from outreach.times import now


class Company(models.Model):
    """An organisation that is approached, keyed by its domain."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="companies")
    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, blank=True)
    industry = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "companies"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "domain"], condition=~Q(domain=""), name="company_domain_once"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.domain


class Contact(models.Model):
    """A person who may be approached. The address is stored in lower case."""

    class Status(models.TextChoices):
        NEW = "new", "New"
        CONTACTED = "contacted", "Contacted"
        REPLIED = "replied", "Replied"
        QUALIFIED = "qualified", "Qualified"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    class Source(models.TextChoices):
        IMPORT = "import", "Import"
        API = "api", "API"
        MANUAL = "manual", "Added by hand"
        WEBSITE = "website", "Website"
        META = "meta", "Meta"
        REFERRAL = "referral", "Referral"
        OTHER = "other", "Other"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="contacts")
    company = models.ForeignKey(
        Company, models.SET_NULL, null=True, blank=True, related_name="contacts"
    )
    email = models.EmailField("e-mail", max_length=254)
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=160, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    linkedin_url = models.CharField("LinkedIn", max_length=300, blank=True)
    city = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=60, blank=True)
    zone = models.CharField("time zone", max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.MANUAL)
    stage = models.CharField(max_length=60, blank=True)
    score = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    opted_out = models.BooleanField(default=False)
    fields = models.JSONField("free fields", default=dict, blank=True)
    search = models.TextField(
        blank=True, editable=False, help_text="What the search box looks in, in lower case."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "email"], name="contact_once"),
            models.CheckConstraint(condition=Q(score__lte=100), name="contact_score_0_to_100"),
        ]
        indexes = [
            # For the contacts page, newest first.
            models.Index(fields=["workspace", "-id"], name="contacts_page"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        self.email = self.email.strip().lower()
        self.search = self.searchable()
        if (fields := options.get("update_fields")) is not None:
            options["update_fields"] = {*fields, "email", "search", "updated_at"}
        super().save(*args, **options)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email

    def searchable(self) -> str:
        """Return the text that the search box looks in."""
        company = str(self.company) if self.company_id else ""
        words = (self.first_name, self.last_name, self.email, company, self.title)
        return " ".join(word for word in words if word).casefold()

    def values(self) -> dict[str, str]:
        """Return what tokens of a text may say about this contact."""
        company = self.company
        said = {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "full_name": f"{self.first_name} {self.last_name}".strip(),
            "email": self.email,
            "title": self.title,
            "phone": self.phone,
            "linkedin_url": self.linkedin_url,
            "city": self.city,
            "country": self.country or (company.country if company else ""),
            "company": company.name if company else "",
            "domain": company.domain if company else "",
            "industry": company.industry if company else "",
        }
        free = {name: str(value) for name, value in self.fields.items() if value is not None}
        return free | {name: value for name, value in said.items() if value or name not in free}


class ContactList(models.Model):
    """A named set of contacts, to enroll together."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="lists")
    name = models.CharField(max_length=120)
    contacts = models.ManyToManyField(Contact, related_name="lists", blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    everywhere = EverywhereQuerySet.as_manager()
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name = "list"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="list_name_once"),
        ]

    def __str__(self) -> str:
        return self.name
