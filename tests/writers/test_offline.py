from collections import Counter
from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequences.writers.offline import REASONS, Kind, label

TODAY = date(2026, 11, 21)  # a Saturday

CASES: dict[str, list[str]] = {
    "interested": [
        "Sounds good, let's talk next week.",
        "Hi Bo,\n\nI'd be happy to learn more. Are you free on Tuesday at 3pm?\n\nAna",
        "Yes please, send me the deck.",
        "We're definitely interested. What are the next steps?",
        "Sure - here is my calendar: https://cal.acme.test/ana",
        "Perfect timing, we were just discussing this. Call me on +351 21 000 00 00",
        "Thursday afternoon works for me",
        "Tell me more",
        "I was out of office last week, sorry. This looks interesting, can we set up a call?",
        "At first I was not sure, but this sounds great. Let's do it.",
        "Klingt spannend! Gerne können wir nächste Woche telefonieren.",
        "Ja, wir haben Interesse. Schicken Sie mir bitte mehr Informationen.",
        "Bonjour, oui cela m'intéresse, je suis disponible mardi.",
        "Nous sommes intéressés, pouvons-nous fixer un rendez-vous ?",
        "Me interesa, ¿podemos agendar una llamada?",
        "Hola, suena muy interesante. Envíeme más información por favor.",
        "Sì, ci interessa. Mi chiami domani.",
        "Sembra interessante, vorrei ricevere maggiori informazioni",
        "Sim, gostaria de saber mais. Vamos marcar uma conversa?",
        "Tenho interesse, me ligue amanhã.",
        "Klinkt goed! Graag een afspraak volgende week.",
        "Ja, we zijn geïnteresseerd.",
    ],
    "objection": [
        "Looks nice but it is way too expensive for a company our size.",
        "We already use a tool for this.",
        "We are happy with our current provider.",
        "I don't see how this helps a team like ours.",
        "We do all of this in-house.",
        "Where did you get my address from? I have concerns about privacy.",
        "No budget.",
        "We tried something like that before and it didn't work.",
        "Das ist uns leider zu teuer.",
        "Wir arbeiten bereits mit einem Anbieter zusammen und sind zufrieden.",
        "C'est trop cher pour nous.",
        "Nous avons déjà un prestataire.",
        "Ya tenemos un proveedor y estamos contentos con él.",
        "Abbiamo già un fornitore.",
        "Já temos uma solução parecida.",
        "We hebben al een leverancier.",
    ],
    "not_interested": [
        "Not interested.",
        "No thanks",
        "No.",
        "Thanks for reaching out, but we'll pass.",
        "Hi, this is not a fit for us. Good luck!",
        "We are not really interested in this kind of thing.",
        "I don't think we would be interested",
        "We have no need for this.",
        "Kein Interesse.",
        "Nein danke, das ist nichts für uns.",
        "Wir haben keinen Bedarf.",
        "Non merci.",
        "Nous ne sommes pas intéressés.",
        "No, gracias.",
        "No nos interesa, un saludo",
        "Non siamo interessati, grazie.",
        "Não temos interesse, obrigado.",
        "Geen interesse, bedankt.",
        "We zijn niet geïnteresseerd.",
    ],
    "not_now": [
        "Not right now, maybe next quarter.",
        "Can you reach out again in March?",
        "The timing is not right. Please follow up after the summer.",
        "We're swamped at the moment, circle back in Q2",
        "Not a priority this year. Let's revisit in January.",
        "Thanks, but we are not looking at this right now.",
        "Derzeit leider nicht. Melden Sie sich gerne im nächsten Jahr wieder.",
        "Im Moment haben wir keine Zeit, bitte im März noch einmal melden.",
        "Pas pour le moment, recontactez-moi en septembre.",
        "Ahora no, por favor contácteme el próximo trimestre.",
        "Non è il momento, risentiamoci a marzo.",
        "No momento não, me contate no próximo ano.",
        "Nu even niet, neem volgend kwartaal contact op.",
    ],
    "question": [
        "How much does it cost?",
        "Does it integrate with our CRM?",
        "Who else in our industry uses you?",
        "What exactly do you do",
        "Is there an API?",
        "Was kostet das?",
        "Wie viele Mitarbeiter haben Sie?",
        "Combien ça coûte ?",
        "¿Cuánto cuesta?",
        "Quanto costa?",
        "Quanto custa?",
        "Wat kost het?",
    ],
    "referral": [
        "I'm not the right person, please contact my colleague Jane Roe.",
        "You should talk to our CTO.",
        "Wrong person. Try jane@acme.test",
        "Forwarding this to our marketing team.",
        "Adding Jane in cc, she handles this.",
        "Bob no longer works here.",
        "That's not my area, Jane is responsible for purchasing.",
        "Ich bin nicht der richtige Ansprechpartner, bitte wenden Sie sich an Frau Roth.",
        "Ich habe Ihre Mail an meine Kollegin weitergeleitet.",
        "Je ne suis pas la bonne personne, contactez ma collègue Jeanne.",
        "No soy la persona adecuada, hable con mi compañera Juana.",
        "Non sono la persona giusta, la mia collega si occupa di questo.",
        "Não sou a pessoa certa, fale com o meu colega João.",
        "Ik ben niet de juiste persoon, mijn collega is verantwoordelijk.",
    ],
    "unsubscribe": [
        "STOP",
        "unsubscribe",
        "Please remove me from your list.",
        "Take me off this list!",
        "Do not contact me again.",
        "Don't email me anymore",
        "Not interested. Please stop emailing me.",
        "How do I unsubscribe?",
        "I want to opt out",
        "This is interesting, but please delete my data.",
        "No more emails please",
        "I do not wish to receive further messages.",
        "Bitte nehmen Sie mich aus dem Verteiler.",
        "Keine weiteren E-Mails bitte!",
        "Kontaktieren Sie mich nicht mehr.",
        "Merci de me désinscrire.",
        "Ne me contactez plus.",
        "Je ne souhaite plus recevoir vos mails.",
        "Quiero darme de baja.",
        "No me escriba más.",
        "Por favor, elimine mis datos",
        "Cancellatemi dalla lista.",
        "Non voglio più ricevere queste email.",
        "Por favor, remova meu e-mail da lista.",
        "Não quero mais receber mensagens.",
        "Graag uitschrijven.",
        "Stop met mailen.",
        "Verwijder mij uit uw bestand",
    ],
    "out_of_office": [
        "I am out of the office until 1 December with limited access to email.",
        "Thank you for your message. I'm on annual leave and will be back on Monday.",
        "I'm currently away from 20 Nov to 30 Nov. For urgent matters contact my colleague.",
        "Ich bin bis zum 30.11. nicht im Büro.",
        "Vielen Dank. Ich bin im Urlaub und ab dem 7. Dezember wieder erreichbar.",
        "Je suis absent du bureau jusqu'au 4 décembre.",
        "Actuellement en congés, de retour le 1er décembre.",
        "Estoy fuera de la oficina hasta el 30 de noviembre.",
        "Sono in ferie, rientro il 9 dicembre.",
        "Estou de férias, retorno no dia 1 de dezembro.",
        "Ik ben afwezig tot 4 januari.",
    ],
    "bounce_or_auto": [
        "Delivery has failed to these recipients or groups.",
        "This is an automated response. Your ticket number is 1234.",
        "We have received your request and will get back to you within 48 hours.",
        "Please do not reply to this email.",
        "Ihre Anfrage ist bei uns eingegangen.",
    ],
    "other": [
        "",
        "Thanks!",
        "Ok",
        "👍",
        "Best regards\nAna",
        "Noted.",
        "asdf",
    ],
}
ALL = [(kind, text) for kind, texts in CASES.items() for text in texts]


def test_most_replies_of_every_kind_are_understood():
    wrong = [(kind, text) for kind, text in ALL if label(text, today=TODAY).kind != kind]
    missed = Counter(kind for kind, _ in wrong)

    assert len(ALL) >= 120
    assert len(wrong) <= len(ALL) * 0.05, wrong
    assert all(missed[kind] <= max(1, len(CASES[kind]) * 0.2) for kind in CASES), wrong


@pytest.mark.parametrize(
    "text",
    [
        *CASES["unsubscribe"],
        "I did not sign up please remove me",
        "I don't know how to unsubscribe",
        "No remove me",
        "Not interested please take me off the list",
        "Sounds good, but do not contact me again",
        "I'm out of office until Monday. Unsubscribe me.",
        "unsubscribe\n\nAna Silva\nAcme",
        "Por favor no me contacten mas",
        "NE M'ECRIVEZ PLUS",
        "Nie wieder! Bitte löschen Sie meine Daten.",
    ],
)
def test_no_wish_to_be_left_alone_is_missed(text):
    assert label(text, today=TODAY).kind == "unsubscribe"


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to stop, please go on.",
        "Please don't unsubscribe me, I do read these.",
        "We never want to opt out of a good deal.",
        "Don't take me off the list, I'm only busy.",
        "What is the unsubscribe rate of your customers?",
        "Please do not contact me before Monday, I am busy.",
        "We could not stop laughing.",
        "How do your customers remove duplicates?",
        "Ich möchte mich nicht abmelden.",
        "Je ne veux pas me désinscrire.",
        "Nicht abmelden bitte!",
    ],
)
def test_the_words_of_opting_out_alone_do_not_opt_out(text):
    assert label(text, today=TODAY).kind != "unsubscribe"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Back on 1 December.", date(2026, 12, 1)),
        ("Ich bin bis zum 30.11.2026 abwesend.", date(2026, 11, 30)),
        ("Je suis de retour le 4 décembre", date(2026, 12, 4)),
        ("I am out of the office.", None),
        ("I am out of the office until 3 November.", None),
    ],
)
def test_an_absence_note_says_when_somebody_is_back(text, day):
    found = label(text, subject="Automatic reply: Hello", today=TODAY)

    assert (found.kind, found.return_on) == ("out_of_office", day)


def test_not_now_says_when_to_ask_again():
    assert label("Try again in March please.", today=TODAY).return_on == date(2027, 3, 1)


def test_a_machine_cannot_opt_out_or_be_interested():
    note = "I am out of office. To unsubscribe from our newsletter click here. Sounds good?"

    assert label(note, headers={"Auto-Submitted": "auto-replied"}, today=TODAY).kind == (
        "out_of_office"
    )
    assert label("unsubscribe", headers={"Precedence": "bulk"}, today=TODAY).kind == (
        "bounce_or_auto"
    )


def test_an_automatic_word_that_somebody_has_left_is_for_a_person():
    found = label("Bob is no longer with Acme.", headers={"X-Autoreply": "yes"}, today=TODAY)

    assert found.kind == "referral"


def test_a_delivery_report_is_no_answer():
    headers = {"From": "Mail Delivery Subsystem <mailer-daemon@acme.test>"}

    assert label("Sounds good", headers=headers, today=TODAY).kind == "bounce_or_auto"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Sounds interesting, but too expensive.", "objection"),
        ("It's a bit expensive, but I'd love to see a demo.", "interested"),
        (
            "Not interested, but thanks for the great demo, sounds good for others.",
            "not_interested",
        ),
        ("No, we're interested!", "interested"),
        ("Kein Interesse, melden Sie sich nicht mehr.", "unsubscribe"),
    ],
)
def test_of_two_things_said_the_weightier_or_later_counts(text, kind):
    assert label(text, today=TODAY).kind == kind


def test_the_reason_quotes_the_words_that_tell():
    assert label("Please take me off your list", today=TODAY).reason == (
        "Asks not to be written to again: “take me off”"
    )


@given(st.text(max_size=500), st.text(max_size=50))
def test_any_text_gets_a_label(text, subject):
    found = label(text, subject=subject, today=TODAY)

    assert found.kind in get_args(Kind)
    assert 0 <= found.confidence <= 1
    assert len(found.reason) <= 200


def test_every_kind_has_cases_and_a_reason():
    assert set(CASES) == set(get_args(Kind)) == {*REASONS, "other"}


@pytest.mark.parametrize(
    "unit",
    [
        *("no ", "not ", "stop", "please ", " ", "in ", "ne me ", "contact ", "?", "1.", "\n", "a"),
        *(
            "remove my list ",
            "keine ",
            "until 1,",
            "no quiero mas ",
            "a@b.c ",
            "Ana ",
            "on\t",
            "1/1-",
        ),
    ],
)
def test_a_hundred_thousand_of_the_same_word_are_read_to_their_end(unit):
    assert label(unit * 100_000, today=TODAY).kind in get_args(Kind)


@pytest.mark.parametrize(
    "text",
    [
        "Can your tool remove duplicates from our CRM?",
        "Does it delete old contacts from the list automatically?",
        "We'd like to stop using spreadsheets for outreach.",
        "We stopped sending newsletters last year, so this could help.",
        "How do I cancel the subscription after the trial?",
        "Can we cancel our contract at any time?",
        "Please don't forget to send me the deck.",
        "Don't hesitate to contact me again in March.",
        "Please do not contact me by phone, e-mail is better.",
        "Don't call me, write me an email instead.",
        "No more meetings this week, but Monday is fine.",
        "I never received your email, can you resend it?",
        "We do not want to receive the data in CSV.",
        "Could you take me through the product?",
        "Take us off the waiting list and onto the trial please!",
        "I removed you from my spam folder, sorry! Let's talk.",
        "Your first mail landed in spam. Interesting offer though.",
        "This is not spam, is it?",
        "I'd like to remove myself from this thread, my colleague Tim will take over.",
        "Do you offer unsubscribe handling?",
        "What happens to our data when we delete our account?",
        "Is the data deleted after 30 days?",
        "Bitte löschen Sie den Termin am Montag, Dienstag passt besser.",
        "Nehmen Sie mich bitte in den Verteiler auf.",
        "Bitte tragen Sie mich in die Liste ein.",
        "Können Kunden ihre Daten selbst löschen?",
        "Schicken Sie mir keine Präsentation, rufen Sie mich lieber an.",
        "Melden Sie sich nicht vor Montag, ich bin unterwegs.",
        "Ne m'appelez pas avant lundi.",
        "Pouvez-vous supprimer le rendez-vous de lundi ?",
        "N'hésitez pas à me recontacter en mars.",
        "Je n'ai pas reçu votre mail, pouvez-vous le renvoyer ?",
        "Ajoutez-moi à votre liste de diffusion.",
        "No me llame hoy, mejor mañana.",
        "¿Se pueden eliminar contactos de la lista?",
        "No dude en escribirme en marzo.",
        "No me ha llegado su correo, ¿lo puede reenviar?",
        "Non mi chiami oggi, meglio domani.",
        "Non esiti a contattarmi a marzo.",
        "Posso cancellare la prenotazione?",
        "Non ho ricevuto la sua mail.",
        "Não me ligue hoje, prefiro amanhã.",
        "Não hesite em contactar-me em março.",
        "É possível remover contactos da lista?",
        "Não recebi o seu e-mail.",
        "Bel me niet vandaag, morgen is beter.",
        "Kunnen we contacten van de lijst verwijderen?",
        "Ik heb uw mail niet ontvangen.",
        "Zet mij maar op de lijst.",
        "Stop by our booth next week!",
        "We can't stop thinking about your demo.",
        "Let me be clear: we want to stop manual work.",
        "I don't want to miss this. Don't stop now.",
        "Sorry for not writing back, don't take me off your list yet.",
        "Our policy: we delete personal data of applicants after 6 months. How do you handle this?",
        "I'm tired of vendors who keep spamming us, you seem different. Call me.",
        "We're done with our current provider. Remove the setup fee and we have a deal.",
        "Please remove the line about pricing from the proposal.",
        "Kindly delete my previous message, I meant Tuesday.",
        "Please stop the trial, we want the paid plan.",
        "End of quarter is busy. Cancel Thursday, how about Friday?",
        "Quit my old job, new address is jo@new.test - still interested.",
    ],
)
def test_what_sounds_like_opting_out_and_means_something_else_does_not_opt_out(text):
    assert label(text, today=TODAY).kind != "unsubscribe"
