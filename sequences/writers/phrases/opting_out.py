"""Asking to be left alone."""

import re

from sequences.writers.phrases.wording import any_of, pairs

# Standing alone in a clause, with a please at most.
OPT_OUT_ALONE = re.compile(
    r"\W*(?:(?:please|pls|bitte|merci|por favor|per favore|graag)\W+)?"
    r"(?:stop(?: it| this| now| please)?|unsubscribe(?: please| now)?|remove(?: me| please)?"
    r"|opt[ -]?out"
    r"|end|cancel|quit|abmelden|austragen|abbestellen|desabonner|desinscription|desinscrire"
    r"|stopp?"
    r"|baja|dar de baja|cancellami|disiscrivimi|descadastrar|remover|sair|uitschrijven"
    r"|afmelden)\W*"
)

# Asking for it; a negation in front of them turns them round.
OPT_OUT = any_of(
    r"\b(?:be|get) (?:removed|taken off|deleted|unsubscribed|opted out)\b",
    r"\bremove (?:\w+ ){1,4}from (?:the|this|your|all|any) (?:\w+ )?(?:list|lists|database"
    r"|mailings?|crm)\b",
    r"\b(?:me|nous) (?:retirer|enlever|supprimer|rayer)\b|\b(?:retirer|enlever"
    r"|supprimer) mon (?:adresse|e-?mail)\b",
    r"\bunsubscribe (?:me|us|my|this|from|immediately)\b",
    r"\b(?:please|kindly|to|can i|do i|i|and|just) (?:be )?unsubscribed?\b",
    r"\bremove (?:me|us|my|our|this (?:e-?mail|address))\b",
    r"\btake (?:me|us|my \w+|our \w+) off\b(?! the (?:waiting|wait))",
    r"\bopt(?:ing)? (?:me |us )?out\b",
    r"\b(?:stop|quit|cease) (?:\w+ )?(?:e-?mailing|contacting|sending|mailing|spamming|messaging"
    r"|writing|bothering|harassing|reaching out|these|this spam|all)\b",
    r"\b(?:delete|erase) (?:all )?(?:(?:of )?(?:my|our) (?:\w+ )?(?:data|details|e-?mail|address"
    r"|info\w*"
    r"|contacts?|records?|name|number)|me\b|us\b)",
    r"\bleave (?:me|us) alone\b",
    r"\blose my (?:e-?mail|number|address)\b",
    r"\b(?:abbestellen|austragen|abmelden)\b",
    r"\b(?:streichen|entfernen|loschen|losch\w?|entfern\w?|streich\w?) "
    r"(?:sie )?(?:bitte )?(?:mich|uns|mein\w*|unser\w*)\b",
    r"\b(?:nehmen|tragen|nimm|trag\w?) (?:sie )?(?:bitte )?(?:mich|uns|mein\w*)\b"
    r"(?=.{0,50}\b(?:aus|raus|heraus|von)\b)",
    r"\baus (?:dem|ihrem|eurem|der|ihrer) (?:\w+-?)?(?:verteiler|liste|mailingliste)\b",
    r"\bunterlassen sie\b",
    r"\b(?:me |nous |de )?des(?:abonn|inscri)\w+",
    r"\b(?:retire[rz]|enleve[rz]|supprime[rz])[- ](?:moi|nous|mon|mes|mon adresse)\b",
    r"\b(?:arrete[rz]|cesse[rz]) de (?:me |m'|nous )",
    r"\b(?:dar(?:me|nos)?|dame|deme|denme|den|de) de baja\b",
    r"\b(?:elimin\w+|borr\w+|quit\w+)(?:me|nos)\b",
    r"\b(?:elimin\w+|borr\w+|quit\w+) (?:mi|mis|nuestr\w+) (?:correo|datos|direccion|contacto"
    r"|e-?mail)",
    r"\bdej(?:a|e|en) de (?:\w+me|\w+nos|enviar|escribir|contactar|mandar|molestar)",
    r"\b(?:cancellami|cancellatemi|mi cancelli|cancellarmi|toglietemi|toglimi|mi tolga"
    r"|disiscriv\w+)\b",
    r"\b(?:rimuov\w+(?:mi|ci)|rimuov\w+ (?:il mio|la mia|i miei))\b",
    r"\bsmett\w+ di\b",
    r"\b(?:descadastr\w+|cancelar (?:a )?(?:minha )?(?:inscricao|subscricao))",
    r"\b(?:remova|retire|tire|exclua|remover|retirar)(?:m)?(?:-me| meu| minha| o meu)\b",
    r"\bme (?:remova|retire|tire|exclua|descadastre)m?\b",
    r"\bpar(?:e|em|a) de (?:me )?(?:enviar|mandar|contat\w+|contact\w+|escrever)",
    r"\b(?:uitschrijven|afmelden|schrijf (?:mij|me|ons) uit)\b",
    r"\b(?:haal|verwijder) (?:mij|me|ons|mijn|onze)\b",
    r"\bstop met (?:mailen|e-?mailen|sturen|benaderen|contact|het sturen)",
    r"\brefrain from (?:\w+ ){0,2}(?:sending|contacting|e-?mailing|writing|messaging)\b",
    r"\b(?:report(?:ed|ing)? (?:you|this|it) (?:as|for|to)|marked (?:you |this |it )?as"
    r"|this is) (?:(?!not\b)\w+ )?spam\b|\bwe will report you\b",
    r"\b(?:revoke|withdraw) (?:my|our) consent\b|\bright to (?:erasure|be forgotten)\b",
    r"\bwiderspreche\b.{0,60}(?:daten|werbung|nutzung|kontakt)|\bhor(?:en sie|t"
    r"|e?) (?:\w+ )?auf\b.{0,40}(?:mail|schreib|schick|kontakt|send)",
    r"\b(?:von|aus) (?:ihrer|eurer|deiner) (?:\w+)?liste\b",
    r"\b(?:retire[rz]|enleve[rz]|supprime[rz]|rayez|otez)\b.{0,40}\b(?:liste|base|fichier"
    r"|adresse|donnees|coordonnees)\b",
    r"\b(?:arrete[rz]|cesse[rz])\b.{0,25}\b(?:mails?|e-?mails?|courriels?|messages?|envois?"
    r"|contacter|ecrire)\b",
    r"\b(?:quit\w+|elimin\w+|borr\w+|sac\w+|retir\w+)\b.{0,30}\b(?:lista|base de datos|mis datos"
    r"|mi correo|mi direccion)\b",
    r"\bces\w+ (?:de|el) (?:enviar|envio|contactar|escribir)",
    r"\b(?:cancell\w+|rimuov\w+|togli\w+|elimin\w+)\b.{0,40}\b(?:lista|indirizzo|dati|mailing"
    r"|database|contatto|nominativo)\b",
    r"\bsmett\w+ (?:di|con)\b|\bla prego di non\b|\bbasta (?:e-?mail|mail|messaggi)\b",
    r"\b(?:remov\w+|retir\w+|tir\w+|elimin\w+|exclu\w+|apag\w+)\b.{0,40}\b(?:lista|base de dados"
    r"|e-?mail|contato|contacto|endereco|dados)\b",
    r"\b(?:parem|pare|deixem|deixe|cessem) (?:de|com)\b.{0,15}\b(?:envi\w+|mand\w+|contat\w+"
    r"|contact\w+|escrev\w+|e-?mails?|mensagens)",
    r"\b(?:haal|verwijder|schrap|schrijf)\b.{0,30}\b(?:van (?:de|uw|jullie|je) (?:\w+)?lijst"
    r"|uit (?:de|uw|jullie|je) (?:\w+ )?(?:bestand|database|lijst|systeem|mailing\w*))\b",
    r"\bschrijf (?:mij|me|ons) (?:a\.?u\.?b\.? |svp )?uit\b",
)

# Already a refusal; no negation in front of them is looked for.
NO_MORE_MAIL = any_of(
    r"\bnon (?:contatt\w+|scriv\w+|invi\w+|mand\w+)(?:mi|ci)\b|\bdi non (?:\w+ )?(?:contatt"
    r"|scriv|invi|mand)\w+",
    r"\b(?:do not|don't|dont|never|please not|must not|shouldn't|should not) (?:ever )?"
    r"(?:contact|e-?mail|mail|message|write|text|reach out)(?: to)? ?(?:me|us|my|our|this|here"
    r"|again)?"
    r"(?: again| any ?more| ever)?\b(?!.{0,25}(?:before|until|till|this week|today|tomorrow"
    r"|but|by (?:phone|telephone|text|sms)|on (?:my|the) (?:phone|mobile|cell|landline)"
    r"|via (?:phone|linkedin|whatsapp)))",
    r"\b(?:do not|don't|dont) send (?:me|us|any)\b(?!.{0,20}(?:before|until))",
    r"\bno (?:more|further) (?:e-?mails?|messages?|mails?|contact|communications?)\b",
    r"\b(?:do not|don't|dont|no longer) (?:want|wish|care) to (?:be (?:contacted|e-?mailed"
    r"|approached)"
    r"|hear from|(?:receive|get) (?:any |more |your |these |this |those |further |such |\w+ing )*"
    r"(?:e-?mails?|mails?|messages?|newsletters?|offers?|communications?|anything|from|spam|ads?))",
    r"\bkeine? (?:weiteren? |mehr )?(?:e-?mails?|mails?|nachrichten|werbung\b(?!,? sondern)"
    r"|werbemails?|anfragen)"
    r" ?(?:mehr|erhalten|bekommen|schicken|senden)?\b",
    r"\b(?:kontaktieren|schreiben|mailen|melden) sie (?:mich|uns|mir|sich) (?:bitte )?nicht\b"
    r"(?! (?:vor|bis|per telefon|telefonisch))",
    r"\bnicht (?:mehr|weiter|wieder) (?:\w+ )?(?:zu )?(?:kontaktieren|kontaktiert|anschreiben"
    r"|anzuschreiben"
    r"|schreiben|angeschrieben|erhalten)\b",
    r"\bne (?:me |nous |m'|plus me |plus nous )\w*(?:contact|ecri|envo|recontact"
    r"|sollicit)\w* ?(?:plus|pas)?",
    r"\bne (?:\w+ ){0,3}(?:plus|pas) (?:\w+ )?(?:recevoir|etre contacte\w*|me contacter|m'ecrire"
    r"|m'envoyer)\b",
    r"\bplus (?:de|d') ?(?:mails?|e-?mails?|courriels?|messages?)\b",
    r"\bno (?:me|nos) (?:vuelv\w+ a )?(?:contact\w+|escrib\w+|envi\w+|mand\w+)(?!.{0,20}hasta)",
    r"\bno (?:quiero|deseo|queremos|deseamos) (?:\w+ )?recibir\b",
    r"\bnon (?:mi|ci) (?:contatt\w+|scriv\w+|invi\w+|mand\w+)",
    r"\bnon (?:voglio|desidero|vogliamo|desideriamo) (?:piu )?(?:ricevere|essere contattat\w)\b",
    r"\bnao (?:me |nos )?(?:contat\w+|contact\w+|envi\w+|mand\w+|escrev\w+)(?:-me)?\b",
    r"\bnao (?:quero|desejo|queremos|desejamos) (?:mais )?(?:receber|ser contat\w+)\b",
    r"\bgeen (?:verdere |mails? )?(?:e-?mails?|mails?|berichten|mailtjes) ?(?:meer)?\b",
    r"\bniet (?:meer|langer) (?:\w+ )?(?:mailen|contacteren|benaderen|benaderd|ontvangen"
    r"|schrijven)\b",
    r"\b(?:do not|don't|dont|never|please not)\b.{0,12}\b(?:write|contact|e-?mail|mail|message"
    r"|call) (?:to )?(?:me |us )?(?:again|any ?more|ever)\b",
    r"\bnie wieder\b.{0,30}(?:schreib|mail|kontakt|meld)\w*|\bkeine\w* (?:\w+ ){0,2}(?:mails?"
    r"|e-?mails?|nachrichten|werbung|post) (?:mehr|von ihnen|von euch)\b",
    r"\bschreiben sie (?:mir|uns) (?:bitte )?(?:nicht|nie)\b|\bschreib(?:en"
    r"|t)? (?:\w+ ){0,3}nicht mehr\b",
    r"\bne (?:plus|pas) (?:jamais )?(?:m'|me |nous )\w*(?:contact|ecri|envo|recontact|sollicit)\w*",
    r"\b(?:no|nunca) (?:me|nos) \w+ (?:mas|nunca)\b",
    r"\bnon (?:\w+ )?(?:scriv|contatt|mand|invi)\w*(?:mi|ci)?\b.{0,15}\b(?:piu|mai)\b",
    r"\b(?:nao|nunca) (?:me |nos |mais )?(?:contat|contact|envi|mand|escrev)\w+",
    r"\bgeen (?:\w+ )?(?:e-?mails?|mails?|berichten|mailtjes|reclame) (?:meer|van)\b|\b(?:mail"
    r"|schrijf|benader|contacteer) (?:mij|me|ons) (?:\w+ ){0,2}(?:niet|nooit)\b",
    r"\bgeen (?:verder )?contact (?:meer|op)\b|\bneem geen contact\b",
    r"\bno (?:se )?(?:pongan|ponga) (?:mas )?en contacto\b"
    r"|\bnon mettetevi (?:piu )?in contatto\b|\bnao entrem? (?:mais )?em contato\b",
)

# Narrow, for a wish to be left alone must not be missed: "I did not sign up please remove me".
NOT_OPTING_OUT = re.compile(
    r"(?:(?:\b(?:not|never|nicht|pas|niet)|n't|\bdont)\s+"
    r"(?:(?:want|wish|need|ask|asking|going|like|plan|planning|trying)\s+(?:you\s+)?(?:to\s+)?)?"
    r"(?:ever\s+)?(?:be\s+)?"
    r"|\bno need to\s+|\binstead of\s+|\b(?:about|tempted)\s+(?:to\s+)?"
    r"|\b(?:almost|nearly)\s+|\b(?:no|nao|non)\s+(?:quiero|quero|voglio|queremos)\s+)$"
)

# What is asked for, and of what: both in one clause ask to be left alone.
OPT_OUT_PAIRS = pairs(
    (
        r"(?:delet|eras|remov|destroy)\w*",
        r"(?:data|information|details|everything|records?)\b.{0,20}\b(?:me|us|you (?:hold|have))\b",
    ),
    (
        r"(?:(?:do not|don't|dont|no longer|never) want|keine\w*|ne (?:veux|voulons|souhait\w+)"
        r"|no (?:quiero|deseo|necesito|queremos)"
        r"|non (?:voglio|desidero|vogliamo)|nao (?:quero|desejo|queremos)|wil\w* (?:geen|niet))\b",
        r"(?:more|weitere\w*|plus|mas|piu|mais|verdere?|meer)\b.{0,20}\b(?:e-?mails?|mails?"
        r"|kontakt\w*|nachrichten|correos?|mensajes?"
        r"|messages?|messaggi|mensagens|berichten|courriels?|contact\w*)|contattat\w|contactad\w"
        r"|benaderd",
    ),
    (
        r"(?:remov|delet|eras|scrub|exclud|strik|tak(?:e|ing)|drop)\w*\b"
        r"(?=.{0,30}\b(?:me|us|my|our)\b)",
        r"(?:me|us|my|our)\b.{0,40}\b(?:(?<!waiting )lists?|database|crm|records|mailing|system"
        r"|data|contacts"
        r"|distribution|campaign|sequence|outreach)\b",
    ),
    (
        r"(?:stop|ceas|desist|quit|halt)\w*\b(?! by)",
        r"(?:e-?mailing|spamm\w+|contacting|messaging|writing|sending (?:me|us|these|this|your)"
        r"|reaching out|(?:your|these|the|all|receiving|any) (?:\w+ )?e-?mails)\b",
    ),
    (
        r"(?:losch|entfern|streich|austrag|trag\w* \w+ aus|abmeld|tilg|sperr)\w*",
        r"(?:mich|uns|mein\w*|unser\w*)\b.{0,40}(?:daten|adresse|verteiler|liste|kontakt\w*|mail\w*"
        r"|datenbank|system)|(?:aus|von) (?:\w+ )?(?:\w*verteiler|\w*liste|datenbank|system)",
    ),
    (
        r"(?:nicht|nie|keine\w*|kunftig|unterlass\w*|aufhoren|verzichten sie)\b",
        r"(?:anzuschreiben|zu kontaktieren|zu schreiben|zuzusenden|zu belastigen|angeschrieben"
        r"|kontaktiert"
        r"|werbung|werbemails?|kontaktaufnahme|zusendung\w*)\b",
    ),
    (
        r"widersp\w+",
        r"(?:nutzung|verwendung|verarbeitung|kontaktaufnahme|werb\w*|daten|zusendung)",
    ),
    (
        r"(?:supprim|retir|effac|enlev|desabonn|desinscri|radi|ray)\w*",
        r"(?:coordonnees|liste|base|adresse|donnees|fichiers?|abonnement|contacts|mon nom"
        r"|mon mail)\b",
    ),
    (
        r"(?:arret|cess|stopp)\w*",
        r"(?:e-?mails?|envois?|envoyer|contacter|ecrire|messages?|solliciter|spam\w*|relances?)\b",
    ),
    (
        r"(?:elimin|borr|quit|suprim|sac|retir|exclu)\w*",
        r"(?:mis? datos|lista|mi (?:correo|e-?mail|direccion|contacto)|base de datos"
        r"|suscripcion)\b",
    ),
    (
        r"(?:solicit|pid|quier|tramit|gestion|dar|dame|dadme|denme|deme)\w*",
        r"(?:la|mi|de) baja\b(?! (?:medica|por|matern|labor))",
    ),
    (
        r"(?:dej|ces|par)\w+ (?:de|con)",
        r"(?:mand|envi|escrib|contact|molest|spam|correos|mensajes)\w*",
    ),
    (
        r"(?:rimuov|cancell|elimin|togli|tolg|disiscri|esclud)\w*",
        r"(?:mi[eo]i? dati|lista|liste|indirizzo|nominativo|contatti|database|mailing"
        r"|iscrizione)\b",
    ),
    (
        r"(?:smett|basta|finit)\w*",
        r"(?:e-?mail|scriver\w*|mandar\w*|inviar\w*|contattar\w*|spam|disturbar\w*|messaggi)\b",
    ),
    (
        r"(?:remov|retir|exclu|apag|elimin|tir|cancel|descadastr)\w*",
        r"(?:meus? dados|lista|subscricao|inscricao|meu (?:e-?mail|endereco|contato|contacto"
        r"|nome)|cadastro|base de dados)\b",
    ),
    (
        r"(?:par|deix|cess)\w+ de",
        r"(?:envi|mand|contact|contat|escrev|incomod|e-?mails|mensagens)\w*",
    ),
    (
        r"(?:verwijder|schrap|haal|halen|wis|uitschrijv|afmeld)\w*",
        r"(?:mij|me|mijn|ons|onze)\b.{0,30}\b(?:gegevens|lijst|bestand|adres|systeem|mailing\w*"
        r"|database)",
    ),
    (
        r"(?:mijn|onze) (?:gegevens|adres|e-?mail\w*)",
        r"(?:verwijder|schrap|wis|uitschrijv)\w*",
    ),
    (
        r"(?:geen|stop)\b",
        r"(?:mails?|e-?mails?|berichten|reclame|post|nieuwsbri\w+)\b.{0,20}\b(?:meer|ontvangen)\b",
    ),
    (
        r"niet (?:meer|langer)\b",
        r"(?:mails?|e-?mails?|berichten|reclame|nieuwsbri\w+|ontvangen|lastig|benader\w*)\b",
    ),
)

# Of what the product does, and not to whom.
OF_THE_PRODUCT = re.compile(
    r"\?\W*$|\b(?:your|the|this) (?:tool|product|software|platform|system|solution|app)\b"
    r"|\b(?:customers|users)\b|\b(?:ihr|das|euer) (?:tool|system|produkt)\b"
)

FIRST_PERSON = re.compile(
    r"\b(?:i|me|my|us|ich|mich|mein\w*|uns|moi|mon|mes|nous|nos|mij|mijn|ik|ons|mis?|ci|eu|meu"
    r"|minha)\b"
)
# What we have done ourselves is nothing that we ask for.
OF_OURSELVES = re.compile(
    r"\b(?:we|i|we've|i've|wir haben|ich habe|nous avons|j'ai|hemos|he|abbiamo|ho|temos"
    r"|we hebben|ik heb)\s+"
    r"(?:(?:have|had|already|just|recently|bereits|schon|deja|ya|gia|ja|al)\s+)*$"
)
