"""Saying no, or raising a concern."""

import re

from sequences.writers.phrases.wording import any_of

NEGATED = re.compile(
    r"(?:\b(?:not|never|no need to|without|instead of|nicht|kein\w*|pas|ne|non|no|nao|niet|geen"
    r"|sans|senza|sem|sin|zonder|weder|nor|neither|hardly)|n't|dont|doesnt|wouldnt|arent|isnt)"
    r"\s+(?:[\w'-]+\s+){0,3}$"
    r"|\b(?:don't|do not|doubt|unsure|not sure|unlikely)\s+(?:[\w'-]+\s+){0,6}$"
)

NOT_INTERESTED = any_of(
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
    r"\b(?:we're|we are|i'm|i am|all) good\b(?!.{0,20}(?:to go|with (?:tuesday|monday"
    r"|that time)))|\bno,? interest\b|\bno thank|\bthanks,? but (?:no|not)\b|\bhard pass\b"
    r"|\bnot (?:really )?(?:our|my) (?:thing|cup of tea|focus|priority area)\b",
    r"\b(?:i'll|we'll|i will|we will|gonna|going to) (?:\w+ )?(?:pass|decline|skip|sit this)\b"
    r"|\b(?:isn't|is not|not) something (?:we|i)(?:'re| are| would| need)?\b"
    r"|\bnot looking (?:for|to|into|at)\b|\bdecided (?:not to|against)\b|\b(?:don't"
    r"|do not) follow up\b|\bdon't do cold\b",
    r"\bkein (?:interesse|bedarf|thema)\b|\bkommt (?:\w+ ){0,3}nicht in ?frage\b"
    r"|\bnicht (?:\w+ ){0,2}(?:interessiert|relevant|interessant|passend|das richtige)\b"
    r"|\b(?:verzichten|absagen|ablehnen)\b|\bnichts fur (?:uns|mich)\b|\bnein,? danke\b",
    r"\bne (?:\w+ ){0,2}(?:donner\w+|donn\w+) pas suite\b|\bpas (?:\w+ ){0,2}(?:interesse\w*"
    r"|besoin|concerne\w*|pertinent|pour (?:nous|moi))\b|\bne (?:correspond|repond) pas\b"
    r"|\bn'(?:avons|ai) pas (?:\w+ )?besoin\b|\bmerci,? mais non\b|\bne (?:nous|m'"
    r"|me )\w* ?interesse(?:nt)? pas\b|\bne souhaitons pas (?:donner|poursuivre)",
    r"\bno (?:es|encaja|lo es) (?:para|con|lo que) (?:nosotros|mi|nuestr\w+|buscamos)\b"
    r"|\bno (?:\w+ )?(?:estamos|estoy) interesad\w+\b|\bno lo (?:necesitamos|necesito|vemos)\b"
    r"|\bno,? gracias\b|\bno (?:buscamos|nos hace falta|nos encaja)\b|\bno es de (?:nuestro"
    r"|mi) interes\b",
    r"\bnon (?:siamo|sono) (?:\w+ )?interessat\w\b|\bnon (?:fa|e) (?:al caso|per|di) (?:noi"
    r"|nostro|me|interesse)\b|\bnon ci (?:serve|interessa)\b|\bno,? grazie\b|\bnon (?:rientra"
    r"|ci occupiamo)\b",
    r"\bnao (?:temos|tenho|ha) (?:\w+ )?interesse\b|\bnao e (?:para|do nosso interesse)\b"
    r"|\bnao (?:se aplica|faz sentido|precisamos)\b|\bdispensamos\b|\bnao,? obrigad[oa]\b",
    r"\bniets voor (?:ons|mij)\b|\bgeen (?:interesse|behoefte)\b"
    r"|\bniet (?:\w+ ){0,2}(?:geinteresseerd|van toepassing|relevant|nodig|interessant)\b"
    r"|\bnee,? (?:dank|bedankt)\b|\bzien (?:\w+ )?(?:ervan )?af\b|\bpast niet bij\b",
    r"\bkeinen gebrauch\b|\bnicht in anspruch\b|\bgeen gebruik\b",
)

OBJECTION = any_of(
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
    r"\bin-?house\b|\b(?:handle|do|run|manage|cover|build|built|solve|solved"
    r"|keep)\w* (?:\w+ ){0,4}internally\b|\bbuilt our own\b",
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
    r"\boverkill\b|\btoo (?:small|big|early|complex|complicated|risky|much (?:work|effort))\b"
    r"|\bunder contract\b|\blocked in(?:to)?\b|\bcontract (?:until|till|through|runs)\b"
    r"|\bmixed (?:things|reviews|feedback)\b|\bbad experiences?\b",
    r"\bnot sure (?:it|this|that|if|whether|how)\b.{0,30}\b(?:work|fit|help|worth|apply|add)\b"
    r"|\b(?:out of|over|above|beyond) (?:our |the )?budget\b|\bway (?:above|over|beyond|too)\b"
    r"|\bmore than (?:we|i) (?:can|want to) (?:spend|pay)\b|\b(?:legal|security|it"
    r"|compliance) (?:team|department)? ?(?:doesn't|won't|does not|will not"
    r"|would never) (?:allow|approve|let)\b",
    r"\bhow did you get (?:my|our)\b|\b(?:where|how) (?:did|have) you (?:got|get|find"
    r"|found)\b.{0,15}\b(?:e-?mail|address|contact|details|number)\b|\b(?:isn't|not"
    r"|doesn't look) (?:very )?(?:gdpr|compliant|legal)\b|\bin-?house (?:team|solution|tool)?\b",
    r"\b(?:haben|nutzen|arbeiten|verwenden|setzen) (?:\w+ ){0,4}(?:bereits|schon)\b|\b(?:bereits"
    r"|schon) (?:\w+ ){0,3}(?:dienstleister|anbieter|losung|partner|agentur|tool|system)\b"
    r"|\bdatenschutz\w*\b|\b(?:kein\w*|fehlt das|ohne) budget\b|\bmachen wir (?:selbst|selber"
    r"|intern)\b|\bskeptisch\b|\binterne losung\b",
    r"\b(?:hors|pas de|plus de) budget\b|\b(?:deja|actuellement) (?:\w+ ){0,2}(?:prestataire"
    r"|fournisseur|solution|outil|partenaire|equipes?)\b|\b(?:travaillons|avons|utilisons"
    r"|sommes) deja\b|\ben interne\b|\btrop (?:cher|couteux|complexe)\b|\bpas convaincus?\b",
    r"\bya (?:\w+ )?(?:tenemos|usamos|trabajamos|contamos|disponemos|utilizamos)\b|\b(?:caro"
    r"|cara|costoso)\b|\b(?:fuera de|sin|no (?:hay|tenemos)) (?:\w+ )?presupuesto\b"
    r"|\bpresupuesto\b.{0,20}\b(?:cerrado|agotado|limitado)\b|\binternamente\b",
    r"\b(?:abbiamo|usiamo|lavoriamo|utilizziamo) gia\b|\bgia (?:\w+ ){0,2}(?:fornitore|soluzione"
    r"|partner|agenzia|strumento)\b|\bsoluzione interna\b|\b(?:troppo|molto) (?:caro|costoso)\b"
    r"|\bfuori budget\b",
    r"\bja (?:temos|trabalhamos|usamos|contamos|utilizamos|somos)\b|\b(?:muito|demasiado"
    r"|bastante) (?:caro|dispendioso)\b|\b(?:sem|fora do) (?:orcamento|budget)\b"
    r"|\bsolucao interna\b",
    r"\b(?:hebben|werken|gebruiken) (?:\w+ ){0,3}al\b|\bal (?:samen|een|voorzien|jaren"
    r"|tevreden)\b|\bte (?:duur|complex|groot)\b|\bgeen budget\b|\bdoen (?:we|wij) (?:dit "
    r"|dat )?(?:zelf|intern)\b",
)
