"""The wordings that come with MedSync, in English and Spanish, for texts, calls and e-mails.

Spanish texts are written without accents that the GSM alphabet lacks: one would halve a message's room.
"""

# ruff: noqa: E501  (a wording stays on one line, so that its length can be seen)

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from types import MappingProxyType

from medsync_app.domain.voice_words import VOICE_MESSAGES

LANGUAGES = ("en", "es")
#: How the patient gets the batch, in words that fit "for ... on Tuesday".
WAYS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "pickup": {"en": "pickup", "es": "recoger"},
    "delivery": {"en": "delivery", "es": "entrega"},
    "mail": {"en": "mailing", "es": "correo"},
})  # fmt: skip
#: What a message about several pickups asks of one of them: by the wording that asks it alone, language and channel.
QUESTIONS: Mapping[str, Mapping[tuple[str, str], str]] = MappingProxyType({
    "confirm_t3": {
        ("en", "sms"): "{day}: reply 1 to confirm, 2 to change, 3 to be called.",
        ("es", "sms"): "{day}: responda 1 confirmar, 2 otra fecha, 3 llamada.",
        ("en", "voice"): "For the pickup on {day}: press 1 to confirm, 2 to change the date, 3 if you want us to call you.",
        ("es", "voice"): "Para la recogida del {day}: oprima 1 para confirmar, 2 para cambiar la fecha, 3 si quiere que le llamemos.",
        ("en", "email"): "Please call us to confirm the pickup on {day}, or to change it.",
        ("es", "email"): "Por favor llámenos para confirmar o cambiar la recogida del {day}.",
    },
    "reminder_t7": {
        ("en", "sms"): "{day}: anything new, stopped, hospital? Reply 3, we call.",
        ("es", "sms"): "{day}: algo nuevo, suspendido? Responda 3: llamamos.",
        ("en", "voice"): "For the pickup on {day}: has anything changed, a new medicine, one that was stopped, a hospital stay? Then press 3 and we call you. Press 1 to confirm, 2 to change the date.",
        ("es", "voice"): "Para la recogida del {day}: ¿algún cambio, un medicamento nuevo o suspendido, una hospitalización? Entonces oprima 3 y le llamaremos. Oprima 1 para confirmar, 2 para cambiar la fecha.",
        ("en", "email"): "For the pickup on {day}: has anything changed, a new medicine, one you stopped, a hospital stay? Please call us.",
        ("es", "email"): "Para la recogida del {day}: ¿algún cambio, un medicamento nuevo o suspendido, una hospitalización? Por favor llámenos.",
    },
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """A template in python-liquid's language; e-mails have a subject."""

    body: str
    subject: str = ""


def _sms() -> dict[tuple[str, str], str]:
    return {
        ("welcome", "en"): "{{ pharmacy }}: welcome to refill sync. We text you before each pickup. Questions? Call {{ phone }}. Reply STOP to end texts.",
        ("welcome", "es"): "{{ pharmacy }}: bienvenido. Le avisaremos antes de cada recogida. Preguntas? Llame al {{ phone }}. Responda STOP para no recibir textos.",
        ("reminder_t7", "en"): "{{ pharmacy }}: {{ medicines }} for {{ way }} {{ day }}. Anything new, stopped, been in hospital? Reply 3 and we call you. {{ phone }}. STOP to end.",
        ("reminder_t7", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }} el {{ day }}. Algo nuevo, suspendido, hospital? Responda 3 y le llamamos. {{ phone }}. STOP: no textos.",
        ("confirm_t3", "en"): "{{ pharmacy }}: {{ medicines }} for {{ way }} {{ day }}. Reply 1 to confirm, 2 to change the date, 3 to be called. {{ phone }}. STOP to end.",
        ("confirm_t3", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }} el {{ day }}. Responda 1 para confirmar, 2 otra fecha, 3 le llamamos. {{ phone }}. STOP: no textos.",
        ("confirm_t1", "en"): "{{ pharmacy }}: {{ medicines }} for {{ way }} {{ day }}.{% if hours != '' and fulfilment == 'pickup' %} Open {{ hours }}.{% endif %} Questions? Call {{ phone }}. STOP to end.",
        ("confirm_t1", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }} el {{ day }}.{% if hours != '' and fulfilment == 'pickup' %} Abierto {{ hours }}.{% endif %} Llame al {{ phone }}. STOP: no textos.",
        ("trip_t1", "en"): "{{ pharmacy }}: a short supply of {{ medicines }} is due for {{ way }} {{ day }}. Questions? Call {{ phone }}. STOP to end.",
        ("trip_t1", "es"): "{{ pharmacy }}: {{ medicines }} para pocos dias, para {{ way }} el {{ day }}. Llame al {{ phone }}. STOP: no textos.",
        ("ready", "en"): "{{ pharmacy }}: {{ medicines }} ready for {{ way }} since {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} at {{ place }}{% endif %}, until {{ until }}.{% if hours != '' %} Today {{ hours }}.{% endif %}{% else %}.{% endif %} {{ phone }}. STOP to end.",
        ("ready", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} en {{ place }}{% endif %}, hasta el {{ until }}.{% if hours != '' %} Hoy {{ hours }}.{% endif %}{% else %}.{% endif %} {{ phone }}. STOP: no textos.",
        ("ready_short", "en"): "{{ pharmacy }}: {{ medicines }} ready since {{ since }}{% if fulfilment == 'pickup' %}, until {{ until }}.{% if hours != '' %} Today {{ hours }}.{% endif %}{% else %} for {{ way }}.{% endif %} {{ phone }}. STOP to end.",
        ("ready_short", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}, hasta el {{ until }}{% endif %}. {{ phone }}. STOP: no textos.",
        ("partly_ready", "en"): "{{ pharmacy }}: {{ medicines }} ready for {{ way }}, {{ missing }} not yet. We tell you when the rest is here.{% if fulfilment == 'pickup' %} Until {{ until }}.{% endif %} {{ phone }}. STOP to end.",
        ("partly_ready", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }}, {{ missing }} falta. Le avisamos cuando llegue.{% if fulfilment == 'pickup' %} Hasta el {{ until }}.{% endif %} {{ phone }}. STOP: no textos.",
        ("not_picked_up", "en"): "{{ pharmacy }}: {{ medicines }} still waiting for you{% if fulfilment == 'pickup' %}, until {{ until }}. Please come by or call{% else %}: the {{ way }} is open. Please call{% endif %} {{ phone }}. STOP to end.",
        ("not_picked_up", "es"): "{{ pharmacy }}: {{ medicines }} {% if fulfilment == 'pickup' %}sin recoger, hasta el {{ until }}. Pase a recoger o llame al{% else %}sin entregar. Llame al{% endif %} {{ phone }}. STOP: no textos.",
        ("date_changed", "en"): "{{ pharmacy }}: your {{ way }} of {{ medicines }} is now {{ day }}. Questions? Call {{ phone }}. STOP to end.",
        ("date_changed", "es"): "{{ pharmacy }}: {{ medicines }} para {{ way }} ahora el {{ day }}. Llame al {{ phone }}. STOP: no textos.",
        ("household", "en"): "{{ pharmacy }}: {{ people }} people at this number have pickups: {{ days }}.{% if question != '' %} {{ question }}{% else %} To confirm or change, call{% endif %} {{ phone }}. STOP to end.",
        ("household", "es"): "{{ pharmacy }}: {{ people }} personas de este numero recogen: {{ days }}.{% if question != '' %} {{ question }}{% else %} Llame al{% endif %} {{ phone }}. STOP: no textos.",
        ("household_short", "en"): "{{ pharmacy }}: pickups for {{ people }} people: {{ days | truncate: 36 }}.{% if question != '' %} {{ question }}{% else %} To confirm or change, call{% endif %} {{ phone }}. STOP to end.",
        ("household_short", "es"): "{{ pharmacy }}: {{ people }} personas recogen: {{ days | truncate: 36 }}.{% if question != '' %} {{ question }}{% else %} Llame al{% endif %} {{ phone }}. STOP: no textos.",
        ("household_changed", "en"): "{{ pharmacy }}: {% if people > 1 %}{{ people }} people at this number have new dates for their medicines{% else %}your medicines have new dates{% endif %}: {{ days }}. Questions? Call {{ phone }}. STOP to end.",
        ("household_changed", "es"): "{{ pharmacy }}: {% if people > 1 %}{{ people }} personas de este numero tienen{% else %}sus medicamentos tienen{% endif %} nuevas fechas: {{ days }}. Llame al {{ phone }}. STOP: no textos.",
        ("household_changed_short", "en"): "{{ pharmacy }}: new dates for {% if people > 1 %}{{ people }} people{% else %}your medicines{% endif %}: {{ days | truncate: 36 }}. Questions? Call {{ phone }}. STOP to end.",
        ("household_changed_short", "es"): "{{ pharmacy }}: {% if people > 1 %}{{ people }} personas con {% endif %}nuevas fechas: {{ days | truncate: 36 }}. Llame al {{ phone }}. STOP: no textos.",
        ("household_waiting", "en"): "{{ pharmacy }}: {{ people }} people at this number have medicines still waiting. Please come by or call {{ phone }}. STOP to end.",
        ("household_waiting", "es"): "{{ pharmacy }}: {{ people }} personas de este numero tienen medicinas sin recoger. Pase o llame al {{ phone }}. STOP: no textos.",
        ("household_ready", "en"): "{{ pharmacy }}: {{ medicines }}{% if people > 1 %} for {{ people }} people{% endif %} ready for {{ way }} since {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} at {{ place }}{% endif %}, until {{ until }}.{% if hours != '' %} Today {{ hours }}.{% endif %}{% else %}.{% endif %}{% if missing != '' %} Not yet: {{ missing }}.{% endif %}{% if days != '' %} Other pickups: {{ days }}.{% endif %}{% if question != '' %} Other pickup {{ question }}{% endif %} {{ phone }}. STOP to end.",
        ("household_ready", "es"): "{{ pharmacy }}: {{ medicines }}{% if people > 1 %} de {{ people }} personas{% endif %} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} en {{ place }}{% endif %}, hasta el {{ until }}.{% if hours != '' %} Hoy {{ hours }}.{% endif %}{% else %}.{% endif %}{% if missing != '' %} Falta: {{ missing }}.{% endif %}{% if days != '' %} Otras recogidas: {{ days }}.{% endif %}{% if question != '' %} Otra recogida {{ question }}{% endif %} {{ phone }}. STOP: no textos.",
        ("household_ready_short", "en"): "{{ pharmacy }}: {{ medicines }}{% if people > 1 %}, {{ people }} people,{% endif %} ready{% if fulfilment == 'pickup' %} until {{ until }}{% endif %}.{% if question != '' %} {{ question }}{% else %}{% if missing != '' %} Not yet: {{ missing }}.{% endif %}{% if days != '' %} Others: {{ days | truncate: 22 }}.{% endif %}{% endif %} {{ phone }}. STOP to end.",
        ("household_ready_short", "es"): "{{ pharmacy }}: {{ medicines }}{% if people > 1 and question == '' %}, {{ people }} personas,{% endif %} para {{ way }}{% if fulfilment == 'pickup' %} hasta {{ until }}{% endif %}.{% if question != '' %} {{ question }}{% else %}{% if missing != '' %} Falta: {{ missing }}.{% endif %}{% if days != '' %} Otras: {{ days | truncate: 13 }}.{% endif %}{% endif %} {{ phone }}. STOP: no textos.",
        ("several", "en"): "{{ pharmacy }}: your pickups: {{ days }}.{% if question != '' %} {{ question }}{% else %} To confirm or change one, call{% endif %} {{ phone }}. STOP to end.",
        ("several", "es"): "{{ pharmacy }}: sus recogidas: {{ days }}.{% if question != '' %} {{ question }}{% else %} Para cambiar llame al{% endif %} {{ phone }}. STOP: no textos.",
        ("opt_out_confirmation", "en"): "{{ pharmacy }}: you will get no more messages from us. Call {{ phone }} with questions. Reply START to get them again.",
        ("opt_out_confirmation", "es"): "{{ pharmacy }}: no recibira mas mensajes. Llame al {{ phone }}. Responda START para recibirlos otra vez.",
        ("help", "en"): "{{ pharmacy }}: refill reminders from your pharmacy. Call {{ phone }} for help. Reply STOP to end texts.",
        ("help", "es"): "{{ pharmacy }}: avisos de su farmacia. Para ayuda llame al {{ phone }}. Responda STOP para no recibir textos.",
        ("start", "en"): "{{ pharmacy }}: you get our refill messages again. Call {{ phone }} with questions. Reply STOP to end texts.",
        ("start", "es"): "{{ pharmacy }}: recibe otra vez nuestros avisos. Llame al {{ phone }}. Responda STOP para no recibir textos.",
        ("answer_confirmed", "en"): "{{ pharmacy }}: thank you, confirmed for {{ day }}. Questions? Call {{ phone }}.",
        ("answer_confirmed", "es"): "{{ pharmacy }}: gracias, confirmado para el {{ day }}. Llame al {{ phone }}.",
        ("answer_call", "en"): "{{ pharmacy }}: thank you, we will call you. Or call us: {{ phone }}.",
        ("answer_call", "es"): "{{ pharmacy }}: gracias, le llamaremos. O llame al {{ phone }}.",
    }  # fmt: skip


def _email() -> dict[tuple[str, str], tuple[str, str]]:
    return {
        ("welcome", "en"): ("Welcome to refill sync", "Welcome to refill sync. Your medicines will be ready together on one day, and we write to you before each pickup."),
        ("welcome", "es"): ("Bienvenido", "Sus medicamentos estarán listos juntos en un solo día, y le escribiremos antes de cada recogida."),
        ("reminder_t7", "en"): ("Your {{ way }} on {{ day }}", "{{ medicines }} will be ready for {{ way }} on {{ day }}. Has anything changed: a new medicine, one you stopped, a hospital stay? Please call us."),
        ("reminder_t7", "es"): ("{% if fulfilment == 'pickup' %}Su recogida{% else %}Sus medicamentos{% endif %} el {{ day }}", "{{ medicines }} para {{ way }} el {{ day }}. ¿Algún cambio: un medicamento nuevo o suspendido, una hospitalización? Por favor llámenos."),
        ("confirm_t3", "en"): ("Please confirm your {{ way }} on {{ day }}", "{{ medicines }} will be ready for {{ way }} on {{ day }}. Please call us to confirm or to change the date."),
        ("confirm_t3", "es"): ("Confirme {% if fulfilment == 'pickup' %}su recogida{% else %}sus medicamentos{% endif %} el {{ day }}", "{{ medicines }} para {{ way }} el {{ day }}. Por favor llámenos para confirmar o cambiar la fecha."),
        ("confirm_t1", "en"): ("Your {{ way }} on {{ day }}", "{{ medicines }} for {{ way }} on {{ day }}.{% if hours != '' and fulfilment == 'pickup' %} We are open {{ hours }}.{% endif %}"),
        ("confirm_t1", "es"): ("{% if fulfilment == 'pickup' %}Su recogida{% else %}Sus medicamentos{% endif %} el {{ day }}", "{{ medicines }} para {{ way }} el {{ day }}.{% if hours != '' and fulfilment == 'pickup' %} Abrimos {{ hours }}.{% endif %}"),
        ("trip_t1", "en"): ("A short supply for {{ day }}", "A short supply of {{ medicines }} is due for {{ way }} on {{ day }}, so that all your medicines come together from the next pickup on."),
        ("trip_t1", "es"): ("Suministro corto para el {{ day }}", "{{ medicines }} para pocos días, para {{ way }} el {{ day }}; después todo viene junto."),
        ("ready", "en"): ("Your medicines are ready", "{{ medicines }} ready for {{ way }} since {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} at {{ place }}{% endif %}. We keep them until {{ until }}.{% if hours != '' %} Today we are open {{ hours }}.{% endif %}{% else %}.{% endif %}"),
        ("ready", "es"): ("Sus medicamentos están listos", "{{ medicines }} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} en {{ place }}{% endif %}. Los guardamos hasta el {{ until }}.{% if hours != '' %} Hoy abrimos {{ hours }}.{% endif %}{% else %}.{% endif %}"),
        ("partly_ready", "en"): ("Part of your medicines is ready", "{{ medicines }} ready for {{ way }}, {{ missing }} not yet. We tell you when the rest is here.{% if fulfilment == 'pickup' %} We keep them until {{ until }}.{% endif %}"),
        ("partly_ready", "es"): ("Parte de sus medicamentos está lista", "{{ medicines }} para {{ way }}; falta {{ missing }}. Le avisaremos.{% if fulfilment == 'pickup' %} Los guardamos hasta el {{ until }}.{% endif %}"),
        ("not_picked_up", "en"): ("Your medicines are waiting", "{{ medicines }} still waiting for you.{% if fulfilment == 'pickup' %} We keep them until {{ until }}. Please come by or call us.{% else %} The {{ way }} is still open. Please call us.{% endif %}"),
        ("not_picked_up", "es"): ("Sus medicamentos le esperan", "{{ medicines }}{% if fulfilment == 'pickup' %} sin recoger. Los guardamos hasta el {{ until }}. Pase a recogerlos o llámenos.{% else %} sin entregar. Por favor llámenos.{% endif %}"),
        ("date_changed", "en"): ("Your {{ way }} is now {{ day }}", "Your {{ way }} of {{ medicines }} is now on {{ day }}."),
        ("date_changed", "es"): ("Nueva fecha: {{ day }}", "{{ medicines }} para {{ way }} ahora el {{ day }}."),
        ("household", "en"): ("Pickups for your household", "{{ people }} people at this address have pickups: {{ days }}. To confirm or change one, please call us."),
        ("household_changed", "en"): ("New dates for your medicines", "{% if people > 1 %}{{ people }} people at this address have new dates for their medicines{% else %}Your medicines have new dates{% endif %}: {{ days }}."),
        ("household_changed", "es"): ("Nuevas fechas para sus medicamentos", "{% if people > 1 %}{{ people }} personas de esta dirección tienen{% else %}Sus medicamentos tienen{% endif %} nuevas fechas: {{ days }}."),
        ("household_waiting", "en"): ("Medicines for your household are waiting", "{{ people }} people at this address have medicines still waiting. Please come by or call us."),
        ("household_waiting", "es"): ("Medicamentos de su hogar sin recoger", "{{ people }} personas de esta dirección tienen medicamentos sin recoger. Pase por ellos o llámenos."),
        ("household_ready", "en"): ("Medicines for your household are ready", "{{ medicines }}{% if people > 1 %} for {{ people }} people at this address{% endif %} ready for {{ way }} since {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} at {{ place }}{% endif %}. We keep them until {{ until }}.{% if hours != '' %} Today we are open {{ hours }}.{% endif %}{% else %}.{% endif %}{% if missing != '' %} Not ready yet: {{ missing }}.{% endif %}{% if days != '' %} Other pickups: {{ days }}.{% endif %}{% if question != '' %} {{ question }}{% endif %}"),
        ("household_ready", "es"): ("Los medicamentos de su hogar están listos", "{{ medicines }}{% if people > 1 %} de {{ people }} personas de esta dirección{% endif %} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} en {{ place }}{% endif %}. Los guardamos hasta el {{ until }}.{% if hours != '' %} Hoy abrimos {{ hours }}.{% endif %}{% else %}.{% endif %}{% if missing != '' %} Todavía falta: {{ missing }}.{% endif %}{% if days != '' %} Otras recogidas: {{ days }}.{% endif %}{% if question != '' %} {{ question }}{% endif %}"),
        ("several", "en"): ("Your pickups", "Your pickups: {{ days }}. To confirm or change one, please call us."),
        ("several", "es"): ("Sus recogidas", "Sus recogidas: {{ days }}. Para cambiar una, llámenos."),
        ("household", "es"): ("Recogidas de su hogar", "{{ people }} personas de esta dirección recogen: {{ days }}. Para cambiar, llámenos."),
    }  # fmt: skip


_FOOTER = {
    "en": "\n\n{{ pharmacy }}\n{{ phone }}\n\nTo get no more of these e-mails, tell us by phone or reply with the word STOP.",
    "es": "\n\n{{ pharmacy }}\n{{ phone }}\n\nPara no recibir estos correos, llámenos o responda con la palabra STOP.",
}


def _all() -> dict[tuple[str, str, str], Wording]:
    result = {(name, language, "sms"): Wording(body) for (name, language), body in _sms().items()}
    for (name, language), (subject, body) in _email().items():
        result[name, language, "email"] = Wording(body + _FOOTER[language], subject)
    for (name, language), body in VOICE_MESSAGES.items():
        result[name, language, "voice"] = Wording(body)
    return result


#: (name, language, channel) -> wording.
DEFAULTS: Mapping[tuple[str, str, str], Wording] = MappingProxyType(_all())
NAMES = tuple(sorted({name for name, _, _ in DEFAULTS}))

_DAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "es": ("lun", "mar", "mie", "jue", "vie", "sab", "dom"),
}
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
}


def written_day(day: date, language: str) -> str:
    """A day as patients read it: "Tue Oct 20", "mar 20 oct"."""
    name, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    return f"{name} {month} {day.day}" if language == "en" else f"{name} {day.day} {month}"


def written_time(at: time, language: str) -> str:
    """A time of day: "9am", "9:30am"; "9:30" in Spanish."""
    if language != "en":
        return f"{at.hour}:{at.minute:02d}"
    hour, half = at.hour % 12 or 12, "am" if at.hour < 12 else "pm"
    return f"{hour}{half}" if at.minute == 0 else f"{hour}:{at.minute:02d}{half}"


def written_medicines(count: int, language: str) -> str:
    """The number of medicines, for those who did not ask to see their names."""
    word = {"en": ("medicine", "medicines"), "es": ("medicamento", "medicamentos")}[language]
    return f"{count} {word[count != 1]}"


def written_phone(number: str) -> str:
    """A telephone number as people write it: 404-555-0100 for one of the North American plan."""
    digits = number.removeprefix("+1")
    if number.startswith("+1") and len(digits) == 10 and digits.isdigit():
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"
    return number
