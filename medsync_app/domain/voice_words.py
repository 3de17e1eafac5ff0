"""What an automated call says, in English and Spanish: the way to the message, the messages, days and numbers aloud.

Before somebody has confirmed to be the person the call is for, nothing is said about health: a name, the pharmacy
and its number only (RELIABILITY.md section 2).
"""

# ruff: noqa: E501  (a wording stays on one line, so that it can be read aloud)

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

#: Key -> what it says, once the message was heard; the words go the way of a text message.
ANSWER_KEYS: Final[Mapping[str, str]] = MappingProxyType({"1": "1", "2": "2", "3": "3", "9": "STOP"})
#: Key -> what it says while the call asks who is there; 1 is the person, 2 says that the person is not there.
PERSON, ABSENT = "1", "2"
IDENTITY_KEYS: Final[Mapping[str, str]] = MappingProxyType({"3": "wrong number", "9": "STOP"})


@dataclass(frozen=True, slots=True)
class Lines:
    """The fixed sentences of a call; {pharmacy}, {phone} and {name} are filled in."""

    greeting: str
    identity: str
    voicemail: str
    absent: str
    wrong_number: str
    silence: str
    not_understood: str
    #: By the key that was pressed after the message.
    thanks: Mapping[str, str]
    over: str


LINES: Final[Mapping[str, Lines]] = MappingProxyType(
    {
        "en": Lines(
            greeting="Hello. This is an automated call from {pharmacy} for {name}.",
            identity="If you are {name}, or you take care of {name}, press 1. If {name} is not there, press 2. If this is the wrong number, press 3. To get no more of these calls, press 9.",
            voicemail="Hello. This is {pharmacy} with a message for {name}. Please call us at {phone}. Again, that is {phone}. Thank you.",
            absent="Thank you. Please ask {name} to call {pharmacy} at {phone}. Goodbye.",
            wrong_number="Thank you for telling us. Goodbye.",
            silence="We did not get an answer. Please call {pharmacy} at {phone}. Goodbye.",
            not_understood="Sorry, that key means nothing here.",
            thanks={
                "1": "Thank you. We have noted that. Goodbye.",
                "2": "Thank you. We will call you to find another day. Goodbye.",
                "3": "Thank you. We will call you. Goodbye.",
                "9": "You will get no more automated calls or texts from us. For questions call {phone}. Goodbye.",
            },
            over="This message is no longer needed. Goodbye.",
        ),
        "es": Lines(
            greeting="Hola. Esta es una llamada automática de {pharmacy} para {name}.",
            identity="Si usted es {name}, o cuida de {name}, oprima 1. Si {name} no está, oprima 2. Si este es un número equivocado, oprima 3. Para no recibir más estas llamadas, oprima 9.",
            voicemail="Hola. Le llama {pharmacy} con un mensaje para {name}. Por favor llámenos al {phone}. Repito: {phone}. Gracias.",
            absent="Gracias. Por favor pida a {name} que llame a {pharmacy} al {phone}. Adiós.",
            wrong_number="Gracias por avisarnos. Adiós.",
            silence="No recibimos respuesta. Por favor llame a {pharmacy} al {phone}. Adiós.",
            not_understood="Perdón, esa tecla no es una opción.",
            thanks={
                "1": "Gracias. Lo hemos anotado. Adiós.",
                "2": "Gracias. Le llamaremos para buscar otro día. Adiós.",
                "3": "Gracias. Le llamaremos. Adiós.",
                "9": "No recibirá más llamadas ni textos automáticos de nosotros. Si tiene preguntas llame al {phone}. Adiós.",
            },
            over="Este mensaje ya no es necesario. Adiós.",
        ),
    }
)

_CALL = {
    "en": " Press 3 if you want us to call you.",
    "es": " Oprima 3 si quiere que le llamemos.",
}
_ANSWER = {
    "en": " Press 1 to confirm, 2 to change the date, 3 if you want us to call you.",
    "es": " Oprima 1 para confirmar, 2 para cambiar la fecha, 3 si quiere que le llamemos.",
}


def _messages() -> dict[tuple[str, str], str]:
    en, es = _CALL["en"], _CALL["es"]
    ask_en, ask_es = _ANSWER["en"], _ANSWER["es"]
    return {
        ("welcome", "en"): "Welcome to refill sync. Your medicines will be ready together on one day, and we call you before each pickup. Questions? Call {{ phone }}." + en,
        ("welcome", "es"): "Bienvenido. Sus medicamentos estarán listos juntos en un solo día, y le llamaremos antes de cada recogida. Si tiene preguntas llame al {{ phone }}." + es,
        ("reminder_t7", "en"): "{{ medicines }} will be ready for {{ way }} on {{ day }}. Has anything changed: a new medicine, one that was stopped, a hospital stay? Then press 3 and we call you." + ask_en,
        ("reminder_t7", "es"): "{{ medicines }} para {{ way }} el {{ day }}. ¿Algún cambio: un medicamento nuevo o suspendido, una hospitalización? Entonces oprima 3 y le llamaremos." + ask_es,
        ("confirm_t3", "en"): "{{ medicines }} will be ready for {{ way }} on {{ day }}." + ask_en,
        ("confirm_t3", "es"): "{{ medicines }} para {{ way }} el {{ day }}." + ask_es,
        ("confirm_t1", "en"): "{{ medicines }} for {{ way }} on {{ day }}.{% if hours != '' and fulfilment == 'pickup' %} We are open {{ hours }}.{% endif %}" + en,
        ("confirm_t1", "es"): "{{ medicines }} para {{ way }} el {{ day }}.{% if hours != '' and fulfilment == 'pickup' %} Abrimos {{ hours }}.{% endif %}" + es,
        ("trip_t1", "en"): "A short supply of {{ medicines }} is due for {{ way }} on {{ day }}, so that all your medicines come together later." + en,
        ("trip_t1", "es"): "{{ medicines }} para pocos días, para {{ way }} el {{ day }}; después todo viene junto." + es,
        ("ready", "en"): "{{ medicines }} ready for {{ way }} since {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} at {{ place }}{% endif %}. We keep them until {{ until }}.{% if hours != '' %} Today we are open {{ hours }}.{% endif %}{% else %}.{% endif %}" + en,
        ("ready", "es"): "{{ medicines }} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} en {{ place }}{% endif %}. Los guardamos hasta el {{ until }}.{% if hours != '' %} Hoy abrimos {{ hours }}.{% endif %}{% else %}.{% endif %}" + es,
        ("partly_ready", "en"): "{{ medicines }} ready for {{ way }}, {{ missing }} not yet. We tell you when the rest is here.{% if fulfilment == 'pickup' %} We keep them until {{ until }}.{% endif %}" + en,
        ("partly_ready", "es"): "{{ medicines }} para {{ way }}; falta {{ missing }}. Le avisaremos.{% if fulfilment == 'pickup' %} Los guardamos hasta el {{ until }}.{% endif %}" + es,
        ("not_picked_up", "en"): "{{ medicines }} still waiting for you.{% if fulfilment == 'pickup' %} We keep them until {{ until }}. Please come by or call {{ phone }}.{% else %} The {{ way }} is still open. Please call {{ phone }}.{% endif %}" + en,
        ("not_picked_up", "es"): "{{ medicines }} {% if fulfilment == 'pickup' %}sin recoger. Los guardamos hasta el {{ until }}. Pase a recogerlos o llame al {{ phone }}.{% else %}sin entregar. Llame al {{ phone }}.{% endif %}" + es,
        ("date_changed", "en"): "Your {{ way }} of {{ medicines }} is now on {{ day }}." + en,
        ("date_changed", "es"): "{{ medicines }} para {{ way }} ahora el {{ day }}." + es,
        ("household", "en"): "{{ people }} people at this number have pickups: {{ days }}.{% if question != '' %} {{ question }}{% else %} To confirm or change one, please call {{ phone }}." + en + "{% endif %}",
        ("household", "es"): "{{ people }} personas de este número recogen: {{ days }}.{% if question != '' %} {{ question }}{% else %} Para cambiar una llame al {{ phone }}." + es + "{% endif %}",
        ("household_changed", "en"): "{% if people > 1 %}{{ people }} people at this number have new dates for their medicines{% else %}Your medicines have new dates{% endif %}: {{ days }}." + en,
        ("household_changed", "es"): "{% if people > 1 %}{{ people }} personas de este número tienen{% else %}Sus medicamentos tienen{% endif %} nuevas fechas: {{ days }}." + es,
        ("household_waiting", "en"): "{{ people }} people at this number have medicines still waiting. Please come by or call {{ phone }}." + en,
        ("household_waiting", "es"): "{{ people }} personas de este número tienen medicinas sin recoger. Pase o llame al {{ phone }}." + es,
        ("household_ready", "en"): "{{ medicines }}{% if people > 1 %} for {{ people }} people at this number{% endif %} ready for {{ way }} since {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} at {{ place }}{% endif %}. We keep them until {{ until }}.{% if hours != '' %} Today we are open {{ hours }}.{% endif %}{% else %}.{% endif %}{% if missing != '' %} Not ready yet: {{ missing }}.{% endif %}{% if days != '' %} Other pickups: {{ days }}.{% endif %}{% if question != '' %} {{ question }}{% else %}" + en + "{% endif %}",
        ("household_ready", "es"): "{{ medicines }}{% if people > 1 %} de {{ people }} personas de este número{% endif %} para {{ way }} desde el {{ since }}{% if fulfilment == 'pickup' %}{% if place != '' %} en {{ place }}{% endif %}. Los guardamos hasta el {{ until }}.{% if hours != '' %} Hoy abrimos {{ hours }}.{% endif %}{% else %}.{% endif %}{% if missing != '' %} Todavía falta: {{ missing }}.{% endif %}{% if days != '' %} Otras recogidas: {{ days }}.{% endif %}{% if question != '' %} {{ question }}{% else %}" + es + "{% endif %}",
        ("several", "en"): "Your pickups: {{ days }}.{% if question != '' %} {{ question }}{% else %} To confirm or change one, please call {{ phone }}." + en + "{% endif %}",
        ("several", "es"): "Sus recogidas: {{ days }}.{% if question != '' %} {{ question }}{% else %} Para cambiar una llame al {{ phone }}." + es + "{% endif %}",
        ("help", "en"): "This is how {{ pharmacy }} calls about refills. Questions? Call {{ phone }}." + en,
        ("help", "es"): "Así le llama {{ pharmacy }} para avisar de sus recetas. Si tiene preguntas llame al {{ phone }}." + es,
    }  # fmt: skip


#: (name, language) -> wording of the message itself, read to who has confirmed to be the person.
VOICE_MESSAGES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(_messages())

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
}  # fmt: skip


def spoken_day(day: date, language: str) -> str:
    """A day as it is read aloud: "Tuesday, October 20", "martes 20 de octubre"."""
    name, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    return f"{name}, {month} {day.day}" if language == "en" else f"{name} {day.day} de {month}"


def spoken_phone(number: str) -> str:
    """A telephone number digit by digit: "4 0 4, 5 5 5, 0 1 0 0" for one of the North American plan."""
    digits = "".join(c for c in number if c.isdigit())
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    if len(digits) == 10:
        return ", ".join(" ".join(part) for part in (digits[:3], digits[3:6], digits[6:]))
    return " ".join(digits)
