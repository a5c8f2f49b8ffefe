"""Sequences to start from: four mails, at 0, 3, 7 and 12 days, each from its own angle."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """Something only the sender knows, said once and used in several mails."""

    name: str
    label: str
    value: str = ""
    help: str = ""


@dataclass(frozen=True)
class Mail:
    angle: str
    body: str
    subject: str = ""
    delay_days: int = 0

    @property
    def text(self) -> str:
        return self.body.strip()


@dataclass(frozen=True)
class ReadyMade:
    key: str
    name: str
    audience: str
    description: str
    facts: tuple[Fact, ...]
    mails: tuple[Mail, ...]

    @property
    def days(self) -> int:
        """How long it takes from the first mail to the last."""
        return sum(mail.delay_days for mail in self.mails)


FIRST_MEETING = ReadyMade(
    key="first-meeting",
    name="First meeting",
    audience="Founders and sales teams who write to companies",
    description="One problem, one question, and an easy way to say no.",
    facts=(
        Fact(
            "topic",
            "What it is about",
            "keeping customer records up to date",
            "Reads on from “… looks about the size where”, in the words your customers use.",
        ),
        Fact(
            "benefit",
            "What your product does",
            "does most of it while people work",
            "Reads on from “We make a tool that”.",
        ),
        Fact(
            "proof",
            "A result you can name",
            help="One true sentence for the second mail. Empty: the mail offers to show instead.",
        ),
    ),
    mails=(
        Mail(
            angle="timely trigger",
            subject='{{ company | default: "Your team" }} and {{ topic }}',
            body="""
Hi {{ first_name | default: "there" }},

{{ company | default: "Your team" }} looks about the size where {{ topic }} turns into \
somebody's second job.

We make a tool that {{ benefit }}. It takes an afternoon to try, and nothing has to be moved \
first.

Would fifteen minutes next week be useful, or is this not a problem you have?

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="proof",
            delay_days=3,
            body="""
Hi {{ first_name | default: "again" }},

One thing my last note left out. {{ proof | default: "What convinces people is seeing it on \
their own example, so I would rather show than tell." }}

Send me one case of how {{ topic }} works at {{ company | default: "your place" }} today, and \
I will send you the same case done our way. You keep the comparison whatever you decide.

Worth a look?

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="the right person",
            delay_days=4,
            body="""
Hi {{ first_name | default: "there" }},

I may simply be asking the wrong person. Who at {{ company | default: "your company" }} minds \
most when {{ topic }} slips?

A name is plenty. I will take it from there and leave you in peace.

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="easy out",
            delay_days=5,
            body="""
Hi {{ first_name | default: "there" }},

I have not heard back, so the timing is probably off. That is fine, and this is my last note.

If {{ topic }} becomes a headache later, answer with a month and I will write then, not before.

All the best,
{{ sender_name | default: "" }}
""",
        ),
    ),
)

CANDIDATE = ReadyMade(
    key="candidate",
    name="Approach a candidate",
    audience="Recruiters and hiring managers who write to people in a job",
    description="Short, open about pay, and easy to pass on to a friend.",
    facts=(
        Fact("role", "The role", "Senior Product Engineer"),
        Fact("place", "Where", "remote in Europe"),
        Fact(
            "hook",
            "What makes it different",
            "a team of six, one product, and customers you can call",
            "Reads on from “What makes it different:”.",
        ),
        Fact(
            "pay",
            "What it pays",
            help="For the second mail, such as “€85,000 to €100,000”. Empty: named in the reply.",
        ),
    ),
    mails=(
        Mail(
            angle="the role",
            subject="{{ role }}, {{ place }}",
            body="""
Hi {{ first_name | default: "there" }},

You may be perfectly happy at {{ company | default: "your present company" }}, so I will be \
brief.

We are looking for somebody as {{ role }}, {{ place }}. What makes it different: {{ hook }}.

May I send you the one-page description? It says what the first half year looks like.

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="what people ask first",
            delay_days=3,
            body="""
Hi {{ first_name | default: "again" }},

Two things everybody asks, so that you do not have to.

Pay: {{ pay | default: "I name the range in my first reply, before any call" }}.
Process: two conversations and an answer within a week of the second.

Shall I send the description?

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="pass it on",
            delay_days=4,
            body="""
Hi {{ first_name | default: "there" }},

If you are not looking, you may know who is. Is there somebody you liked working with who \
would enjoy this?

I mention your name only if you say so.

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="easy out",
            delay_days=5,
            body="""
Hi {{ first_name | default: "there" }},

This is my last note about the {{ role }} role.

“Later” gets you a note when there is something new, “no” gets you silence. Either takes one \
word.

Good luck with everything at {{ company | default: "work" }},
{{ sender_name | default: "" }}
""",
        ),
    ),
)

PARTNERSHIP = ReadyMade(
    key="partnership",
    name="Propose a partnership",
    audience="Agencies, consultants and agents who send each other clients",
    description="Give first, make it concrete, ask one good question.",
    facts=(
        Fact(
            "service",
            "What you do, and for whom",
            "bookkeeping for small manufacturers",
            "Reads on from “We do”.",
        ),
        Fact(
            "request",
            "What your clients ask you for and you do not do",
            "something outside our field",
            "Reads on from “When one of our clients asks for”.",
        ),
    ),
    mails=(
        Mail(
            angle="give first",
            subject='Sending clients to {{ company | default: "you" }}',
            body="""
Hi {{ first_name | default: "there" }},

We do {{ service }}. When one of our clients asks for {{ request }}, I would like to have \
somebody good to name, and {{ company | default: "your firm" }} came up.

Would it make sense to compare notes for twenty minutes? If it does not fit, I will still know \
whom to name.

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="make it concrete",
            delay_days=3,
            body="""
Hi {{ first_name | default: "again" }},

To make it concrete: you name us to nobody until you have seen our work. Give us one small job \
of your own, judge it, and only then let us talk about clients.

We would do the same with you. Does that sound fair?

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="one good question",
            delay_days=4,
            body="""
Hi {{ first_name | default: "there" }},

One question, whether or not we ever work together: what do clients ask {{ company | default: \
"you" }} for that you would rather not do?

If it is something we know, I am glad to tell you how others handle it.

{{ sender_name | default: "" }}
""",
        ),
        Mail(
            angle="easy out",
            delay_days=5,
            body="""
Hi {{ first_name | default: "there" }},

No answer is an answer too, so this is my last note.

Should one of your clients ever need {{ service }}, my address is the one above. And if you \
would like us to name you, a single “yes” is enough.

All the best,
{{ sender_name | default: "" }}
""",
        ),
    ),
)

READY_MADE = (FIRST_MEETING, CANDIDATE, PARTNERSHIP)
BY_KEY = {ready.key: ready for ready in READY_MADE}
