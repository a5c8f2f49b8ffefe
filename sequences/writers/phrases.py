"""The wordings by which a reply is labelled, in English, German, French, Spanish, Italian,
Portuguese and Dutch. They match folded clauses: lower case, no accents, straight apostrophes.
"""

import re


def _any(*wordings: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the wordings; a space in them stands for any spaces."""
    spaced = (wording.replace(" ?", r"\s*").replace(" ", r"\s+") for wording in wordings)
    return re.compile("|".join(f"(?:{wording})" for wording in spaced))


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
OPT_OUT = _any(
    r"\b(?:be|get) (?:removed|taken off|deleted|unsubscribed|opted out)\b",
    r"\bremove (?:\w+ ){1,4}from (?:the|this|your|all|any) (?:\w+ )?(?:list|lists|database"
    r"|mailings?|crm)\b",
    r"\b(?:me|nous) (?:retirer|enlever|supprimer|rayer)\b|\b(?:retirer|enlever"
    r"|supprimer) mon (?:adresse|e-?mail)\b",
    r"\bunsubscribe (?:me|us|my|this|from|immediately)\b",
    r"\b(?:please|kindly|to|can i|do i|i|and|just) (?:be )?unsubscribed?\b",
    r"\bremove (?:me|us|my|our|this (?:e-?mail|address))\b",
    r"\btake (?:me|us|my \w+|our \w+) off\b",
    r"\bopt(?:ing)? (?:me |us )?out\b",
    r"\b(?:stop|quit|cease) (?:\w+ )?(?:e-?mailing|contacting|sending|mailing|spamming|messaging"
    r"|writing|bothering|harassing|reaching out|these|this spam|all)\b",
    r"\b(?:delete|erase) (?:all )?(?:me\b|us\b|my|our) ?(?:data|details|e-?mail|address|info\w*"
    r"|contact|record)?",
    r"\bleave (?:me|us) alone\b",
    r"\blose my (?:e-?mail|number|address)\b",
    r"\b(?:abbestellen|austragen|abmelden)\b",
    r"\b(?:nehmen|streichen|entfernen|loschen|tragen|nimm|losch\w?|entfern\w?|streich\w?) "
    r"(?:sie )?(?:bitte )?(?:mich|uns|mein\w*|unser\w*)\b",
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
)

# Already a refusal; no negation in front of them is looked for.
NO_MORE_MAIL = _any(
    r"\bnon (?:contatt\w+|scriv\w+|invi\w+|mand\w+)(?:mi|ci)\b|\bdi non (?:\w+ )?(?:contatt"
    r"|scriv|invi|mand)\w+",
    r"\b(?:do not|don't|dont|never|please not|must not|shouldn't|should not) (?:ever )?"
    r"(?:contact|e-?mail|mail|message|write|text|reach out)(?: to)? ?(?:me|us|my|our|this|here"
    r"|again)?"
    r"(?: again| any ?more| ever)?\b(?!.{0,25}(?:before|until|till|this week|today|tomorrow"
    r"|but))",
    r"\b(?:do not|don't|dont) send (?:me|us|any)\b(?!.{0,20}(?:before|until))",
    r"\bno (?:more|further) (?:e-?mails?|messages?|mails?|contact|communications?)\b",
    r"\b(?:do not|don't|dont|no longer) (?:want|wish|care) to (?:receive|get|hear"
    r"|be contacted)\b",
    r"\bkeine? (?:weiteren? |mehr )?(?:e-?mails?|mails?|nachrichten|werbung|werbemails?|anfragen)"
    r" ?(?:mehr|erhalten|bekommen|schicken|senden)?\b",
    r"\b(?:kontaktieren|schreiben|mailen|melden) sie (?:mich|uns|mir|sich) (?:bitte )?nicht\b",
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
)

NEGATED = re.compile(
    r"(?:\b(?:not|never|no need to|without|instead of|nicht|kein\w*|pas|ne|non|no|nao|niet|geen"
    r"|sans|senza|sem|sin|zonder|weder|nor|neither|hardly)|n't|dont|doesnt|wouldnt|arent|isnt)"
    r"\s+(?:[\w'-]+\s+){0,3}$"
    r"|\b(?:don't|do not|doubt|unsure|not sure|unlikely)\s+(?:[\w'-]+\s+){0,6}$"
)
# Narrow, for a wish to be left alone must not be missed: "I did not sign up please remove me".
NOT_OPTING_OUT = re.compile(
    r"(?:(?:\b(?:not|never|nicht|pas|niet)|n't|\bdont)\s+"
    r"(?:(?:want|wish|need|ask|asking|going|like|plan|planning|trying)\s+(?:you\s+)?(?:to\s+)?)?"
    r"(?:ever\s+)?(?:be\s+)?"
    r"|\bno need to\s+|\binstead of\s+|\b(?:no|nao|non)\s+(?:quiero|quero|voglio|queremos)\s+)$"
)

AUTOMATIC = _any(
    r"\b(?:not monitored|unmonitored|unattended|no longer in use|not in use)\b",
    r"\bdelivery (?:has |status notification|to the following|failed|failure)",
    r"\bundeliver(?:able|ed)\b",
    r"\b(?:could not|couldn't|cannot) be delivered\b",
    r"\bmail delivery (?:subsystem|system|failed)\b",
    r"\bthis is an auto(?:mated|matic|-generated|matically generated)\b",
    r"\b(?:ticket|case|request|anfrage|ticketnummer) (?:number|#|nr|id|has been (?:created"
    r"|received|logged))",
    r"\b(?:we have|we've) received your (?:e-?mail|message|request|enquiry|inquiry)\b",
    r"\b(?:ihre|deine) (?:anfrage|nachricht|e-?mail) (?:ist |haben wir "
    r"|wurde )?.{0,20}(?:eingegangen|erhalten)\b",
    r"\bdo not reply to this (?:e-?mail|message)\b",
    r"\bnous avons bien recu votre\b",
    r"\bhemos recibido su\b",
    r"\babbiamo ricevuto la (?:sua|tua|vostra)\b",
    r"\brecebemos (?:a |o )?(?:sua|seu)\b",
    r"\bwij hebben uw (?:bericht|e-?mail|aanvraag) (?:\w+ )?ontvangen\b",
)

OUT_OF_OFFICE = _any(
    r"\bout of (?:the |my )?office\b",
    r"\booo\b",
    r"\b(?:on|taking) (?:\w+ )?(?:annual|parental|maternity|paternity|sick|medical|family)? ?"
    r"(?:leave|vacation|holidays?|pto|sabbatical)\b",
    r"\b(?:i am|i'm|i will be|i'll be|currently) (?:\w+ )?(?:away|out|travell?ing|offline) "
    r"(?:\w+ )?(?:from|until|till|through|this|today|with|and|on)\b",
    r"\blimited (?:access|availability|e-?mail)\b",
    r"\b(?:return(?:ing)?|back) (?:to|in|at) (?:the|my) (?:office|desk)\b",
    r"\bnicht (?:im|in meinem) (?:buro|buero|haus|hause)\b",
    r"\babwesen(?:d|heit)\w*",
    r"\b(?:im|in) (?:\w+ )?(?:urlaub|elternzeit|mutterschutz|ferien)\b",
    r"\bausser haus\b",
    r"\bnicht erreichbar\b",
    r"\babsente?\b",
    r"\b(?:en|actuellement en) (?:\w+ )?(?:conges?|vacances|deplacement|arret maladie)\b",
    r"\bhors du bureau\b",
    r"\bfuera de (?:la |mi )?oficina\b",
    r"\bde (?:vacaciones|viaje|baja medica|ferias|licenca)\b",
    r"\b(?:estoy|estare|estarei|estou|ausente) ?(?:ausente)\b|\bausente\b",
    r"\bfuori (?:sede|ufficio|dall'ufficio)\b",
    r"\b(?:in|sono in) (?:ferie|vacanza|congedo|maternita)\b|\bassente\b",
    r"\bfora do escritorio\b",
    r"\bafwezig\b|\bniet (?:op|aanwezig op) kantoor\b|\b(?:op|met) (?:vakantie|verlof)\b",
)

LEFT = _any(
    r"\bno longer (?:with|works?|working|employed|at|part of)\b",
    r"\b(?:has|have) left (?:the company|\w+|our)\b",
    r"\bnicht mehr (?:im unternehmen|bei|fur|fuer|in unserem|tatig)\b",
    r"\bne (?:fait|travaille|fais) plus\b",
    r"\bya no (?:trabaj\w+|forma)\b",
    r"\bnon lavora piu\b|\bnon fa piu parte\b",
    r"\bnao (?:trabalha|faz) mais\b|\bja nao trabalha\b",
    r"\bniet meer (?:werkzaam|in dienst|bij)\b",
)

REFERRAL = _any(
    r"\b(?:talk|speak|write|reach out) to \w+ ?,? ?[<(]?[\w.+-]+@[\w-]+\.\w+",
    r"\b(?:one|person|people|guy|lady) to (?:speak|talk|contact|reach|ask|write)\b|\bi(?:'ve"
    r"| have)? left \w+",
    r"\b(?:please|should|could|can|best|better|kindly|suggest you|ask you to|directly) (?:\w+ )?"
    r"(?:contact|reach out to|speak to|speak with|talk to|talk with|write to|get in touch with) "
    r"(?!me\b|us\b|you|this|that|again|back|in\b|next|after|before|later|about|for\b|when|if\b"
    r"|the\b|a\b|on\b)\w+",
    r"\b(?:took over|taking over|has taken over|moved to (?:another|a different|a new)"
    r"|changed (?:jobs|roles|teams))\b",
    r"\b(?:wrong|right|best|correct|better|proper|appropriate) (?:person|contact|one to"
    r"|point of contact|address)\b",
    r"\b(?:contact|reach out to|talk to|talk with|speak to|speak with|e-?mail|get in touch with"
    r"|write to"
    r"|ask|connect with|try|loop in|ping) (?:with )?(?:my|our|the|his|her) "
    r"(?:\w+ ){0,2}(?:colleague|boss|manager|cto|ceo|cmo|cfo|coo|head|team|director|partner"
    r"|lead|vp"
    r"|department|assistant|founder|office|person)\b",
    r"\b(?:contact|reach out to|talk to|speak to|speak with|e-?mail|write to|ask|connect with"
    r"|try|cc) "
    r"(?:\w+ ){0,3}(?:at |on |via |- |\()?[<(]?[\w.+-]+@[\w-]+\.\w+",
    r"\b(?:speak|talk|reach out|write|get in touch) (?:to|with) (?:him|her|them)\b",
    r"\b(?:forward(?:ed|ing)|pass(?:ed|ing)|loop(?:ed|ing)|cc'?d|cc'?ing|copied|copying|adding"
    r"|looped)"
    r"(?: \w+){0,5} (?:to|in|on|colleague|team|here|cc)\b",
    r"\bcc'?(?:ing|ed|d)\b",
    r"\b(?:colleague|boss|manager|team|she|he|they|who|partner|that's|that is) (?:\w+ ){0,2}"
    r"(?:handles?|looks? after|takes? care of|is responsible|is in charge|deals? with|runs"
    r"|decides?)\b",
    r"\b(?:introduce|intro) you to\b",
    r"\bnot (?:my|our) (?:area|department|responsibility|job|remit|team)\b",
    r"\b(?:richtige\w?|falsche\w?) (?:ansprechpartner\w*|person|adresse|kontakt)\b",
    r"\b(?:wenden sie sich|wende dich|kontaktieren sie|sprechen sie|schreiben sie) (?:\w+ ){0,3}"
    r"(?:an|mein\w*|unser\w*|herrn?|frau|mit|kolleg\w+)\b",
    r"\b(?:zustandig|zustaendig|verantwortlich)\b",
    r"\b(?:weitergeleitet|leite (?:\w+ ){0,4}weiter)\b|\bkolleg(?:e|en|in)\b",
    r"\b(?:bonne|mauvaise) (?:personne|adresse)\b|\bbon (?:interlocuteur|contact)\b",
    r"\b(?:contacte[rz]|voi[rt]|ecrire a|adresse[rz]-vous|vous adresser) (?:plutot )?(?:mon|ma"
    r"|notre|a|au)\b",
    r"\b(?:transfere|transfer[ez]|transmis|transmets|fais suivre)\b|\bcollegue\b|\b(?:s'occupe"
    r"|en charge) (?:de|du)\b",
    r"\bpersona (?:adecuada|indicada|correcta|encargada|equivocada)\b|\b(?:companer[oa]"
    r"|colega)\b",
    r"\b(?:contact\w+|habl\w+|escrib\w+) (?:con|a) (?:mi|nuestr\w+|el|la|quien)\b|\breenvi\w+"
    r"|\bse encarga\b"
    r"|\bencargad[oa]\b",
    r"\bpersona (?:giusta|sbagliata|corretta)\b|\bcollega\b|\binoltr(?:o|ato|are)\b"
    r"|\bsi occupa\b|\breferente\b",
    r"\bpessoa (?:certa|errada|indicada|correta|responsavel)\b|\bfal(?:e|ar) com (?:o|a|meu"
    r"|minha)\b"
    r"|\bencaminh\w+",
    r"\b(?:juiste|verkeerde) (?:persoon|contactpersoon)\b|\b(?:doorgestuurd"
    r"|stuur (?:\w+ ){0,4}door)\b"
    r"|\bverantwoordelijk\b|\bcontact op(?:nemen)? met (?:mijn|onze)\b",
)

FAR = (
    r"(?:next (?:quarter|year|month)|later (?:this|in the) (?:year|month|quarter)"
    r"|in (?:\w+ ){1,2}months?"
    r"|(?:in|after|until|around|by|early|late|mid) (?:january|february|march|april|may|june"
    r"|july|august"
    r"|september|october|november|december)|\bq[1-4]\b|new year|after (?:the )?(?:summer"
    r"|holidays|christmas"
    r"|easter|budget)|in the (?:new year|future|spring|summer|autumn|fall|winter)"
    r"|nachste\w* (?:quartal|jahr|monat)|(?:im|ab) (?:januar|februar|marz|april|mai|juni|juli"
    r"|august|september"
    r"|oktober|november|dezember|fruhjahr|sommer|herbst)|(?:in|dans|en|tra|fra|em"
    r"|over) \w+ (?:monaten|mois"
    r"|meses|mesi|maanden)|(?:trimestre|annee|mois) prochaine?|en (?:janvier|fevrier|mars|avril"
    r"|mai|juin|juillet"
    r"|septembre|octobre|novembre|decembre)|proxim[oa] (?:trimestre|ano|mes)|(?:en|em) (?:enero"
    r"|febrero|marzo"
    r"|abril|mayo|junio|julio|septiembre|octubre|janeiro|fevereiro|marco|maio|junho|julho"
    r"|setembro|outubro)"
    r"|prossimo (?:trimestre|anno|mese)|a (?:gennaio|febbraio|marzo|aprile|maggio|giugno"
    r"|settembre|ottobre)"
    r"|volgend (?:kwartaal|jaar)|volgende maand|in (?:januari|februari|maart|mei|juni|juli"
    r"|augustus"
    r"|september|oktober))"
)
NOT_NOW = _any(
    rf"\b(?:reconsider|re-?evaluate|reassess|rethink|not (?:before|until)"
    rf"|wait until)\b.{{0,30}}{FAR}",
    rf"\bnot (?:before|until) {FAR}",
    r"(?:\b(?:not|no|isn't|aren't|don't|can't|cannot|won't)\b|n't\b).{0,40}\b(?:right now"
    r"|at the moment|at this"
    r" (?:time|point|stage)|just now|for now|this (?:quarter|year|month)|currently|yet)\b",
    r"\bnot (?:right )?now\b|\bmaybe later\b|\bsome other time\b|\bbad tim(?:e|ing)\b",
    r"\btiming (?:isn't|is not|is off|is bad|doesn't|is wrong)|\bnot (?:the|a) (?:right|good"
    r"|best) (?:time|moment)\b",
    r"\b(?:reach (?:back )?out|circle back|check (?:back|in)|get back|come back|follow up"
    r"|touch base|ping|contact"
    r"|try|ask|write|e-?mail|reconnect|revisit|talk|speak|discuss|look at (?:this|it)"
    r"|pick (?:this|it) up)\b"
    rf".{{0,40}}{FAR}",
    rf"{FAR}.{{0,40}}\b(?:reach out|circle back|check back|get back|come back|follow up"
    rf"|touch base|ping me|contact"
    r" me|try (?:me )?again|reconnect|revisit|would be better|is better|makes more sense)\b",
    r"\b(?:too busy|swamped|busy right now|on hold|not a priority|hands are full|budget freeze"
    r"|hiring freeze)\b",
    r"\bmaybe (?:next|in|later)\b|\bperhaps (?:next|in|later)\b",
    r"\b(?:try|ask|contact|write|e-?mail|ping) (?:me |us )?(?:again )?(?:later"
    r"|in a few (?:weeks|months))\b",
    r"\b(?:derzeit|momentan|aktuell|zurzeit|im moment|gerade|jetzt) (?:\w+ ){0,3}(?:nicht"
    r"|kein\w*)\b",
    r"\b(?:nicht|kein\w*) (?:\w+ ){0,3}(?:zeitpunkt|derzeit|momentan|aktuell|im moment"
    r"|zurzeit)\b",
    rf"\b(?:melden|kommen|fragen|schreiben|sprechen|meld)\b.{{0,40}}(?:{FAR}|spater)",
    rf"{FAR}.{{0,30}}\b(?:noch ?mal|wieder|erneut|nochmals)\b",
    r"\bpas (?:\w+ ){0,3}(?:pour le moment|pour l'instant|maintenant|actuellement"
    r"|le bon moment)\b",
    r"\b(?:pour le moment|pour l'instant|actuellement).{0,30}\bpas\b",
    rf"\b(?:recontacte\w*|revenez|reparl\w+|rappele\w*|relance\w*)\b.{{0,40}}(?:{FAR}|plus tard"
    rf"|prochaine?)",
    r"\b(?:ahora|por ahora|en este momento|de momento|actualmente).{0,20}\bno\b"
    r"|\bno (?:\w+ ){0,4}(?:ahora|por ahora"
    r"|en este momento|de momento|por el momento)\b",
    rf"\b(?:contact\w+|escrib\w+|habl\w+|vuelv\w+|retom\w+)\b.{{0,40}}(?:{FAR}|mas adelante"
    rf"|mas tarde)",
    r"\b(?:al momento|per ora|adesso|in questo momento).{0,20}\bnon\b"
    r"|\bnon (?:\w+ ){0,4}(?:al momento|per ora|adesso"
    r"|in questo momento)\b|\bnon e il momento\b",
    rf"\b(?:ricontatt\w+|risent\w+|riscriv\w+|risentiamoci|sentiamoci)\b.{{0,40}}(?:{FAR}"
    rf"|piu avanti|piu tardi)",
    r"\b(?:no momento|de momento|neste momento|por enquanto|por agora|agora).{0,20}\bnao\b"
    r"|\bnao (?:\w+ ){0,4}"
    r"(?:no momento|neste momento|por enquanto|agora|por agora|de momento)\b|\bagora nao\b",
    rf"\b(?:contat\w+|contact\w+|fal\w+|volt\w+|retom\w+)\b.{{0,40}}(?:{FAR}|mais tarde"
    rf"|mais para a frente)",
    r"\b(?:nu|op dit moment|momenteel|voorlopig).{0,20}\b(?:niet|geen)\b|\b(?:niet"
    r"|geen) (?:\w+ ){0,4}(?:nu"
    r"|op dit moment|momenteel)\b",
    rf"\b(?:neem|contact|kom|mail|probeer|spreek)\b.{{0,40}}(?:{FAR}|later)",
)

NOT_INTERESTED = _any(
    r"(?:\bnot|n't) (?:\w+ )?(?:relevant|suitable|applicable|useful|for (?:me|us)|a fit)\b"
    r"|\bnicht annehmen\b",
    r"^\W*(?:hi|hello|hey)?\W*(?:no|nope|nein|non|nee|nao)\W*$",
    r"\b(?:no|non|nein|nee|nao)\b,? ?(?:thanks?|thank you|thx|danke|merci|gracias|grazie"
    r"|obrigad[oa]|bedankt|dank)\b",
    r"\b(?:we'll|we will|i'll|i will|gonna|going to|have to|will) (?:have to )?pass\b"
    r"|\bpass on (?:this|it)\b",
    r"\bnot (?:for (?:me|us)|a (?:good )?(?:fit|match)|relevant|something we|what we|looking)\b",
    r"\b(?:no|don't have (?:a|any)|do not have (?:a|any)) (?:need|use|interest)\b|\b(?:don't"
    r"|do not) need\b",
    r"\b(?:decline|not going to (?:move|proceed)|won't be (?:moving|proceeding|pursuing))\b",
    r"\bno (?:me|nos) interesa\b|\bnon (?:mi|ci) interessa\b|\bnao (?:me|nos) interessa\b"
    r"|\bne (?:m'|nous )interesse pas\b|\binteressiert (?:mich|uns) nicht\b",
    r"\b(?:kein(?:en)? bedarf|brauchen wir nicht|brauche ich nicht|nichts fur (?:uns|mich)"
    r"|passt nicht)\b",
    r"\bpas (?:besoin|pour nous|concerne\w*)\b|\bsans suite\b",
    r"\bno (?:lo )?(?:necesit\w+|precis\w+)\b|\bnao (?:precis\w+|necessit\w+)\b"
    r"|\bnon (?:abbiamo bisogno|ne abbiamo"
    r" bisogno|ci serve|mi serve|fa per noi)\b",
    r"\bgeen (?:behoefte|interesse)\b|\bniet (?:nodig|voor ons|relevant)\b",
)

OBJECTION = _any(
    r"\b(?:my|our) (?:only |main )?(?:worry|concern|fear|problem|issue)\b|\bbuilt (?:something"
    r"|a|our|it|this)\b",
    r"\b(?:price|prices|pricing|cost|costs|fees?|rates?) (?:\w+ ){0,2}(?:too )?(?:high|steep"
    r"|much)\b",
    r"\b(?:signed|went|going|partnered|gone) with (?:a|an|another|someone|somebody|your)\b"
    r"|\bcompetitor\b",
    r"\b(?:have|has|'ve got|got|using|use) (?:a|an|our own|another) (?:\w+ )?(?:agency|provider"
    r"|vendor|supplier|solution"
    r"|tool|partner|team|system)\b",
    r"\b(?:do not|don't|does not|doesn't|not) allow(?:ed)?\b|\b(?:against"
    r"|company) (?:our )?policy\b",
    r"\b(?:too|so|very|quite|rather) (?:expensive|costly|pricey)\b|\b(?:expensive|overpriced)\b",
    r"\b(?:no|limited|tight|small|haven't got the|don't have (?:the|a)?) ?(?:budget"
    r"|resources)\b|\bcan't afford\b",
    r"\balready (?:have|use|using|work|working|got|covered|in place|with|signed|do|doing"
    r"|partnered)\b",
    r"\b(?:happy|satisfied|content|fine|set|good) with (?:our|the|what|my)\b|\b(?:we're"
    r"|we are) all set\b",
    r"\b(?:under|in a|have a|existing|current|long-term) (?:\w+ )?(?:contract|vendor|supplier"
    r"|provider|agency)\b",
    r"\bin-?house\b|\binternally\b|\bbuilt our own\b",
    r"\b(?:concern(?:s|ed)?|worried|skeptical|sceptical|not convinced|doubt)\b",
    r"\b(?:don't|do not|can't|cannot|fail to) see (?:the|how|why|any)\b",
    r"\b(?:how|where) did you (?:get|find) (?:my|our)\b|\bgdpr\b|\bdsgvo\b|\brgpd\b",
    r"\b(?:tried|used) (?:\w+ ){0,4}before\b|\bdidn't work\b",
    r"\bzu teuer\b|\bkein budget\b|\b(?:haben|nutzen|arbeiten"
    r"|verwenden) (?:\w+ ){0,2}(?:bereits|schon)\b|\bbereits"
    r" (?:einen|eine|versorgt|im einsatz)\b|\bzufrieden\b|\bbedenken\b|\bwoher haben sie\b",
    r"\btrop cher\b|\bpas (?:de|le) budget\b|\b(?:avons|utilisons|travaillons"
    r"|ai) (?:\w+ )?deja\b|\bsatisfaits?\b"
    r"|\bcomment avez-vous (?:eu|obtenu|trouve)\b",
    r"\b(?:muy|demasiado) car[oa]\b|\bsin presupuesto\b|\bno tenemos presupuesto\b"
    r"|\bya (?:tenemos|usamos|trabajamos"
    r"|contamos)\b|\bcontentos con\b|\bsatisfechos\b",
    r"\btroppo caro\b|\b(?:abbiamo|usiamo|lavoriamo) gia\b|\bgia (?:un fornitore|coperti)\b"
    r"|\bsoddisfatti\b"
    r"|\bnon abbiamo (?:il )?budget\b",
    r"\b(?:muito|demasiado) caro\b|\bja (?:temos|usamos|trabalhamos|utilizamos)\b"
    r"|\bsatisfeitos\b|\bsem (?:orcamento"
    r"|verba)\b|\bnao temos (?:orcamento|verba)\b",
    r"\bte duur\b|\bgeen budget\b|\b(?:hebben|gebruiken|werken) (?:\w+ )?al\b|\btevreden\b",
)

# Said of the offer; with a negation in front they refuse it.
INTEREST = re.compile(
    r"\b(?:interested|interesse|interessiert|interessee?s?|interesad[oa]s?|interessat[oaie]"
    r"|interessad[oa]s?"
    r"|geinteresseerd|keen|up for)\b"
)
INTERESTED = _any(
    r"\bwould (?:love|like|appreciate) (?:a|an|to|more|some)\b|\bsuits? (?:me|us)\b"
    r"|\bgo ahead\b|\bget started\b",
    r"\b(?:i|we) (?:really )?(?:like|love) (?:the|your|this|it|what)\b|^\W*(?:great|perfect"
    r"|excellent|wonderful|awesome"
    r"|fantastic)\b|\bgerne\b|\bpourquoi pas\b",
    r"\b(?:please|could you|can you|would you) (?:\w+ )?(?:send|share|forward)\b",
    r"\b(?:jump|hop|get|be|have|do) (?:on )?(?:a|an) (?:\w+ )?(?:call|chat|demo|meeting|zoom)\b",
    r"\b(?:evaluating|looking for|in the market for|exploring) (?:\w+ ){0,3}(?:tools?"
    r"|solutions?|options|vendors|this|something)\b",
    r"\b(?:sounds|looks|seems|that's|is) (?:\w+ )?(?:good|great|interesting|promising|useful"
    r"|perfect|exciting"
    r"|relevant|fantastic|amazing|intriguing|nice|cool)\b",
    r"\blet's (?:talk|chat|connect|meet|do|set|schedule|book|jump|hop|find|speak|discuss|get)\b",
    r"\b(?:happy|glad|open|love|like|willing|delighted|curious|pleased"
    r"|want) to (?:\w+ )?(?:talk|chat|connect|meet"
    r"|learn|hear|see|discuss|jump|have|explore|know|find out|speak|try|take|get|set|schedule"
    r"|hop)\b",
    r"\btell (?:me|us) more\b|\b(?:more|further) (?:info\w*|details)\b|\blearn more\b",
    r"\bsend (?:me|us|it|them|over|through|along|some|more)\b|\bshare (?:some|more|the"
    r"|your) (?:\w+ )?"
    r"(?:info\w*|details|deck|times|calendar|availability|link)\b",
    r"\b(?:schedule|book|set up|arrange|organi[sz]e|grab) (?:a |some |an )?(?:\w+ )?(?:call"
    r"|meeting|demo|time|chat"
    r"|slot|coffee|intro)\b|\bquick call\b",
    r"\b(?:works|work|suits|is fine|is good|would be good) (?:well |best |fine )?(?:for )?(?:me"
    r"|us)\b",
    r"\b(?:monday|tuesday|wednesday|thursday|friday|tomorrow|next week|morning|afternoon"
    r"|\d ?(?:am|pm))\b.{0,20}"
    r"\b(?:works|work|good|suits|fine|ok|possible)\b",
    r"\b(?:i'm|i am|we're|we are) (?:free|available|around)\b|\b(?:call|ring|phone) (?:me|us)\b"
    r"|\bcount (?:me|us) in\b",
    r"\bsign (?:me|us) up\b|\bcalendly\b|\bmy (?:calendar|availability)\b|\b(?:great"
    r"|perfect) timing\b",
    r"^\W*(?:hi|hello|hey)?\W*(?:\w+,\W*)?(?:yes|yep|yeah|sure|absolutely|definitely|certainly"
    r"|of course|gladly)\b",
    r"\b(?:when|what times?) (?:are|would|could|can|is|works?|do) (?:you|we|suits?|for you"
    r"|best)\b",
    r"\b(?:klingt|hort sich) (?:\w+ )?(?:gut|interessant|spannend|super)\b|^\W*(?:ja|gerne?)\b"
    r"|\bgerne? (?:\w+ ){0,3}"
    r"(?:mehr|termin|telefon\w*|sprechen|austausch\w*|kennenlernen)\b|\b(?:termin"
    r"|telefonat) (?:vereinbaren|machen)\b"
    r"|\bschicken sie mir\b|\bmehr (?:infos?|informationen|erfahren|details)\b"
    r"|\brufen sie mich\b",
    r"\b(?:ca|cela|c'est) (?:m'interesse|nous interesse|a l'air|semble|tres interessant"
    r"|interessant)\b|\bm'interesse\b"
    r"|\bavec plaisir\b|^\W*(?:oui|volontiers)\b|\ben savoir plus\b|\benvoyez[- ]moi\b|\b(?:un"
    r"|prendre|fixer) "
    r"(?:rdv|rendez-vous|appel)\b|\bappele[rz][- ]moi\b|\bdisponible (?:mardi|lundi|mercredi"
    r"|jeudi|vendredi)\b",
    r"\b(?:me|nos) (?:interesa|encantaria|gustaria|parece (?:bien|interesante))\b"
    r"|\bsuena (?:muy )?(?:bien"
    r"|interesante)\b|^\W*(?:si|claro|por supuesto)\b|\bmas (?:informacion|detalles)\b"
    r"|\bagend\w+|\bllamame\b"
    r"|\benvie(?:me|n)\b|\bhablemos\b",
    r"\b(?:mi|ci) (?:interessa|piacerebbe|farebbe piacere)\b|\b(?:sembra"
    r"|e) (?:molto )?interessante\b|^\W*(?:si|certo"
    r"|volentieri)\b|\b(?:maggiori|piu|ulteriori) (?:informazioni|dettagli)\b|\bfissiamo\b"
    r"|\bmi chiami\b",
    r"\b(?:me|nos) (?:interessa|interessou)\b|\b(?:parece|e) (?:muito )?interessante\b"
    r"|^\W*(?:sim|claro|com certeza)\b"
    r"|\b(?:gostaria|gostariamos|adoraria) de\b|\bmais (?:informacoes|detalhes)\b"
    r"|\bvamos (?:conversar|marcar|falar)\b"
    r"|\bme (?:ligue|envie|mande)\b",
    r"\bklinkt (?:\w+ )?(?:goed|interessant|leuk)\b|^\W*(?:ja|graag|zeker|prima)\b"
    r"|\bmeer (?:informatie|weten|info)\b"
    r"|\bgraag (?:\w+ ){0,3}(?:afspraak|gesprek|horen|bellen|weten)\b|\bbel (?:me|mij)\b",
)

QUESTION = re.compile(
    r"\?|^\W*(?:who|what|where|how|why|which|does|is there|are you|wer|was|wie|wo|warum|welche"
    r"|qui|quoi|comment"
    r"|combien|pourquoi(?! pas)|quel\w*|quien|que|como|cuanto|cual|chi|cosa|quanto|quale|quem|qual"
    r"|wat|hoe|waarom)\b"
)
