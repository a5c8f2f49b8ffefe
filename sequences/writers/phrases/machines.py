"""What machines write: tickets, receipts, absences, and that somebody has left."""

from sequences.writers.phrases.wording import any_of

AUTOMATIC = any_of(
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
    r"\bautomatic (?:reply|confirmation|response|acknowledg\w+)\b|\bautomat(?:ed"
    r"|ically) (?:reply|response|message|generated)\b",
    r"\bautomatisch (?:generierte|erstellte|erzeugte|versandte)\b|\bautomatische (?:antwort"
    r"|nachricht|bestatigung)\b",
    r"\breponse automatique\b|\bmessage (?:genere )?automatique\w*\b|\brespuesta automatica\b"
    r"|\bmensaje automatico\b",
    r"\brisposta automatica\b|\bmessaggio automatico\b|\bresposta automatica\b"
    r"|\bmensagem automatica\b",
    r"\bautomatisch (?:antwoord|bericht|gegenereerd)\b|\bdit is een automatisch",
    r"\b(?:support )?ticket (?:#|\w+ )?(?:has been|was|created|number|id)\b|\bticketnummer\b"
    r"|\bnumero (?:di|de|do) (?:ticket|pedido)\b|\bnumero ticket\b",
    r"\byour (?:request|message|e-?mail|enquiry|inquiry|ticket)\b.{0,30}\b(?:has been"
    r"|was) (?:received|created|logged|registered|opened)\b",
    r"\bconfirm that you are (?:a )?human\b|\bspam protection\b.{0,80}\b(?:click|confirm)\b"
    r"|\bverify (?:that )?you(?:'re| are) (?:a )?human\b",
    r"\bhemos recibido (?:tu|su) (?:mensaje|consulta|solicitud|correo)\b"
    r"|\bnous avons (?:bien )?recu votre\b|\baccuse de reception\b",
    r"\bin goede orde ontvangen\b|\bontvangstbevestiging\b|\beingangsbestatigung\b"
    r"|\bist bei uns eingegangen\b",
)

OUT_OF_OFFICE = any_of(
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
    r"\b(?:i am|i'm|i will be|i'll be|we are|we're|currently) (?:\w+ ){0,2}(?:away|travell?ing"
    r"|on the road|abroad|offline|unavailable|out)\b",
    r"\boffices? (?:is|are|will be) closed\b|\b(?:we|offices?) (?:will )?re-?open\b"
    r"|\bclosed (?:for|until)\b.{0,40}(?:holiday|christmas|thanksgiving|easter|vacation)",
    r"\b(?:will|i'll) (?:return|be back)\b|\bback (?:at my desk|in the office|on (?:mon|tues"
    r"|wednes|thurs|fri|satur|sun)day)\b|\bupon my return\b|\bon my return\b",
    r"\bsabbatical\b|\b(?:parental|maternity|paternity|sick|annual|medical|bereavement) leave\b",
    r"\b(?:bin|sind) (?:\w+ ){0,4}(?:abwesend|verreist|unterwegs|auf (?:dienst|geschafts)reise"
    r"|ausser haus|krank)\b|\b(?:auf|in) (?:dienstreise|geschaftsreise|elternzeit|mutterschutz"
    r"|urlaub)\b",
    r"\bwieder (?:\w+ ){0,3}(?:erreichbar|im (?:buro|haus)|fur sie da|da|zuruck)\b|\bnicht (?:im"
    r"|in meinem) (?:buro|haus|dienst)\b|\bnicht (?:personlich )?erreichbar\b|\bgeschlossen\b",
    r"\b(?:en|actuellement en) (?:conge|conges|vacances|deplacement|mission|arret)\b"
    r"|\bde retour (?:le|lundi|mardi|mercredi|jeudi|vendredi|au bureau|en)\b"
    r"|\bnos bureaux (?:sont|seront) fermes\b",
    r"\b(?:fuera|ausente) (?:de la oficina|del? )\b|\bde (?:vacaciones|baja|permiso|viaje)\b"
    r"|\bme reincorpor\w+\b|\bregreso (?:el|a la oficina|al)\b|\bcerrad[oa]s? (?:por|hasta)\b",
    r"\b(?:sono|saro) (?:\w+ ){0,2}(?:assente|in ferie|in trasferta|fuori)\b|\brientrer?o\b"
    r"|\brientro (?:il|in ufficio|lunedi)\b|\buffici (?:sono )?chiusi\b|\bchius[oi] (?:per"
    r"|dal)\b",
    r"\b(?:estou|estarei) (?:\w+ ){0,2}(?:ausente|de ferias|em viagem|fora|de licenca)\b"
    r"|\b(?:volto|retorno|regresso) (?:no dia|em|a|segunda|terca|quarta|quinta|sexta)\b",
    r"\b(?:ben|zijn) (?:\w+ ){0,4}(?:afwezig|met (?:\w*verlof|vakantie)|op (?:vakantie|reis)"
    r"|vrij|weg|niet (?:op kantoor|aanwezig|bereikbaar))\b|\bweer (?:bereikbaar|aanwezig|terug"
    r"|op kantoor)\b|\bverlof\b|\b(?:werk ik|ik werk) (?:\w+ )?niet\b|\bkantoor is gesloten\b",
)

LEFT = any_of(
    r"\bno longer (?:with|works?|working|employed|at|part of)\b",
    r"\b(?:has|have) left (?:the company|\w+|our)\b",
    r"\bnicht mehr (?:im unternehmen|bei|fur|fuer|in unserem|tatig)\b",
    r"\bne (?:fait|travaille|fais) plus\b",
    r"\bya no (?:trabaj\w+|forma)\b",
    r"\bnon lavora piu\b|\bnon fa piu parte\b",
    r"\bnao (?:trabalha|faz) mais\b|\bja nao trabalha\b",
    r"\bniet meer (?:werkzaam|in dienst|bij)\b",
    r"\b(?:i have|i've|i) left (?:the company|\w+ (?:as of|on|in|at the end)|my (?:position|role"
    r"|job)|\w+ corp\w*)\b|\b(?:has|have) (?:moved on from|departed|retired)\b|\bis (?:no longer"
    r"|not) (?:an employee|employed|available at this)\b",
    r"\bnicht (?:mehr|langer) (?:\w+ ){0,4}(?:tatig|beschaftigt|angestellt|erreichbar unter"
    r"|mitarbeiter\w*)\b|\b(?:unternehmen|firma) verlassen\b|\bausgeschieden\b|\bim ruhestand\b",
    r"\b(?:a|ai) quitte (?:la societe|l'entreprise|ses fonctions|notre)\b|\bne (?:fait|fais"
    r"|travaille) plus (?:partie|chez|dans|pour|au)\b",
    r"\bha dejado (?:la empresa|la compania|de trabajar)\b|\bya no (?:trabaja|forma parte"
    r"|pertenece|esta en)\b",
    r"\bha lasciato (?:l'azienda|la societa)\b|\bnon (?:lavora|fa|e) piu (?:parte|presso|in|con"
    r"|qui|un)\b",
    r"\b(?:deixou|saiu) (?:a|da) empresa\b|\b(?:ja )?nao (?:trabalha|faz parte|integra)\b",
    r"\bniet (?:meer|langer) (?:\w+ ){0,2}(?:werkzaam|in dienst|bij|onderdeel)\b"
    r"|\bheeft (?:\w+ )?(?:het bedrijf|ons|de organisatie) verlaten\b|\buit dienst\b",
)

# What a note of absence says beside the absence.
NOTE = any_of(
    r"\b(?:urgent|urgency|emergenc\w+|immediate|limited access|in my absence|during my absence"
    r"|on my return"
    r"|when i (?:return|am back|get back)|reply (?:will be )?delayed|delayed response"
    r"|as soon as)\b",
    r"\b(?:dringend\w*|notfall\w*|vertretung|weitergeleitet|wahrend meiner abwesenheit"
    r"|nach meiner ruckkehr)\b",
    r"\b(?:urgence|urgent\w*|en mon absence|des mon retour|a mon retour)\b",
    r"\b(?:urgenc\w+|urgente?s?|urgenze|en mi ausencia|in mia assenza|na minha ausencia)\b",
    r"\b(?:dringende?|spoed\w*|tijdens mijn afwezigheid)\b",
)
# What only a person says who is away.
PERSONAL = any_of(
    r"\b(?:my|our) (?:colleague|boss|manager|team|assistant|partner)\b.{0,40}\b(?:is"
    r"|are) (?:\w+ )?(?:on|out|away|off)\b",
    r"\b(?:he|she|they|bob|who) (?:is|are|'s|'re) (?:\w+ )?(?:on|out|away|off)\b",
    r"\bbut (?:i |we )?(?:can|could|would|let's|am free|i'm free|happy)\b(?! be reached)",
    r"\b(?:i'll|i will|let me|i can) (?:call|ring|phone|meet|do)\b|\b(?:was|were"
    r"|been) (?:\w+ )?(?:out|away|off|on (?:leave|vacation|holiday)|ooo)\b",
    r"\bich rufe\b|\b(?:aber|jedoch) (?:\w+ ){0,3}(?:kann|konnen|konnte|konnten|passt|gerne?)\b"
    r"|\bich war\b|\bmein\w* (?:chef\w*|kolleg\w+) ist\b",
    r"\bje (?:vous|t') ?(?:appelle|rappelle)\b|\bmais (?:\w+ ){0,4}(?:peut|peux|pouvons|pouvez"
    r"|pourra|pourrions)\b|\bj'etais\b",
    r"\b(?:le|te|la|lo) (?:llamo|llamare)\b|\bpero (?:\w+ ){0,4}(?:puedo|podemos|puede"
    r"|podria\w*)\b|\b(?:estaba|estuve)\b",
    r"\b(?:la|ti|vi) (?:chiamo|chiamero)\b|\bma (?:\w+ ){0,4}(?:posso|possiamo|puo)\b"
    r"|\bero (?:in|fuori)\b",
    r"\b(?:ligo|ligarei)(?:-lhe|-te)?\b|\bmas (?:\w+ ){0,4}(?:posso|podemos|pode)\b|\bestive\b",
    r"\bik bel\b|\bmaar (?:\w+ ){0,4}(?:kan|kunnen|kunt)\b|\bik was\b",
)
