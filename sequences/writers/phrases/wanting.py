"""Showing interest, or asking."""

import re

from sequences.writers.phrases.wording import any_of

# Said of the offer; with a negation in front they refuse it.
INTEREST = re.compile(
    r"\b(?<!as )(?:interested|interesse|interessiert|interessee?s?|interesad[oa]s?|interessat[oaie]"
    r"|interessad[oa]s?"
    r"|geinteresseerd|keen|up for)\b"
)

INTERESTED = any_of(
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
    r"\b(?:do|would|will) you (?:have|be) (?:\w+ ){0,3}(?:time|minutes|availability|available"
    r"|free|slot)\b|\b(?:can|could|shall|should) we (?:\w+ ){0,3}(?:talk|speak|chat|meet|connect"
    r"|schedule|set|do|jump|hop|have|arrange|book|catch)\b(?!.{0,40}after the)",
    r"\b(?:propose|suggest|pick) (?:a|some) times?\b|\b(?:send|shoot|drop) (?:me |us "
    r"|over )?(?:an? )?(?:invite|calendar|link|proposal|quote|deck|one-?pager)\b"
    r"|\bgive it a (?:try|go|shot)\b|\b(?:i'm|i am|we're|we are|quite|very"
    r"|me) (?:\w+ )?(?:intrigued|curious|keen)\b|\b(?:could|might|may"
    r"|would) be (?:\w+ )?(?:useful|interesting|relevant|helpful|a (?:good )?fit|worth)\b"
    r"|\bopen to\b|\bworth (?:a|exploring|discussing|a chat)\b|\bin my calendar\b|\bhappy to\b"
    r"|\bfeel free to (?:call|book|send|put|schedule|ring)\b|\bmy (?:number|cell|phone"
    r"|mobile) is\b|\bnext steps?\b|\b(?:am|pm) (?:cet|est|pst|gmt|bst|utc)\b"
    r"|\bsounds like a plan\b",
    r"\bhaben sie (?:\w+ ){0,6}zeit\b|\bpasst (?:es )?(?:ihnen|dir|euch)\b|\b(?:konnen|konnten"
    r"|wollen|sollen) wir (?:\w+ ){0,6}(?:telefonieren|sprechen|treffen|austauschen|reden"
    r"|kurz)\b|\b(?:sehr|hoch|gerade|total|durchaus) (?:\w+ )?(?:relevant|interessant"
    r"|spannend)\b|\b(?:schicken|senden|schick|sende) (?:sie |du )?(?:mir|uns)\b|\b(?:anschauen"
    r"|ansehen|kennenlernen|kennen lernen)\b|\bterminvorschl\w+\b|\bfreue mich auf\b"
    r"|\brufen sie (?:mich|uns|gerne)\b|\bweitere (?:unterlagen|infos|informationen|details)\b",
    r"\b(?:m'interesse|nous interesse|interessante?)\b|\b(?:pouvez|pourriez)-vous (?:me |m'"
    r"|nous )?(?:\w+ )?(?:appeler|rappeler|envoyer|contacter|proposer|presenter|transmettre)\b"
    r"|\bje suis (?:dispo|disponible|libre)\b|\bparlons-en\b|\bcreneau\b|\benvoyez[- ](?:moi"
    r"|nous)\b|\bpourquoi pas\b|\bauriez-vous (?:\w+ )?(?:un|le temps|disponi)",
    r"\b(?:podriamos|podemos|puede|puedes|podria|podeis) (?:\w+ ){0,4}(?:llamar\w*|llamada"
    r"|hablar|reuni\w+|envi\w+|mandar\w*|agendar|ver)\b|\benvia(?:me|nos|nosla)?\b"
    r"|\bme parece (?:\w+ )?(?:interesante|bien|genial)\b|\b(?:tengo|tenemos|hay) interes\b"
    r"|\bcuent[ea](?:me|nos) mas\b|\bquedamos\b|\bme viene bien\b",
    r"\bpossiamo (?:\w+ )?(?:sentirci|parlarne|fissare|organizzare|vederci|fare)\b|\bmi (?:mandi"
    r"|invii|chiami|contatti|racconti)\b|\bla cosa (?:ci|mi) interessa\b|\bsono disponibile\b"
    r"|\b(?:pure )?una presentazione\b|\bsono interessat\w\b|\bsiamo interessati\b",
    r"\bpode(?:m|mos)? (?:\w+ ){0,2}(?:ligar|enviar|mandar|falar|conversar|marcar|agendar)(?:-me"
    r"|-nos)?\b|\b(?:ligar|enviar|mandar|ligue|envie)-(?:me|nos)\b|\bfaz sentido\b|\b(?:tenho"
    r"|temos) (?:\w+ )?interesse\b|\bvamos (?:agendar|marcar|conversar)\b|\bconhecer melhor\b",
    r"\bkunnen (?:we|wij) (?:\w+ ){0,4}(?:bellen|afspreken|spreken|inplannen|praten"
    r"|kennismaken)\b|\bstuur (?:me|mij|ons)\b|\binteressant\b|\blaten we\b"
    r"|\bplan (?:maar )?(?:\w+ ){0,3}in\b|\bbel (?:me|mij|ons)\b",
    r"\b(?:exactly|just) what (?:we|i) (?:need|are looking for|was looking for|want)\b"
    r"|\byour availabilit\w+\b",
    r"\bwie geht es weiter\b|\bnachsten? schritte?\b|\bretient notre attention\b"
    r"|\b(?:pouvons-nous|peut-on) (?:\w+ )?(?:en )?(?:discuter|parler|echanger)\b",
    r"\b(?:siguientes pasos|proximos passos|prossimi passi|volgende stappen|prochaines etapes)\b",
)

QUESTION = re.compile(
    r"\?|^\W*(?:who|what|where|how|why|which|does|is there|are you|wer|was|wie|wo|warum|welche"
    r"|qui|quoi|comment"
    r"|combien|pourquoi(?! pas)|quel\w*|quien|que|como|cuanto|cual|chi|cosa|quanto|quale|quem|qual"
    r"|wat|hoe|waarom)\b"
)
