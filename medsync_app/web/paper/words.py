"""Words of the sheets for patients, in English and Spanish, and how sheets say dates and fills."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from medsync_app.domain.states import FillKind
from medsync_app.reads.batch import BatchDrug

DAYS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
})  # fmt: skip
MONTHS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
})  # fmt: skip
CALENDAR: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "en": {
        "title": "Your pickup days",
        "for": "For {name}",
        "next": "Your next pickup: {day}",
        "short": "Before that: {day}, a short supply of some medicines",
        "later": "After that, about: {days}",
        "later_note": "We tell you the exact day each time.",
        "what": "What you pick up",
        "count": "{count} medicines together",
        "count_one": "1 medicine",
        "none": "No pickup is planned. Please call us.",
        "call": "Questions, or anything new? Call {pharmacy}: {phone}",
        "open": "We are open:",
        "foot": "Please bring this sheet with you.",
    },
    "es": {
        "title": "Sus días para recoger",
        "for": "Para {name}",
        "next": "Su próxima recogida: {day}",
        "short": "Antes: {day}, un suministro corto de algunos medicamentos",
        "later": "Después, alrededor de: {days}",
        "later_note": "Le avisamos el día exacto cada vez.",
        "what": "Lo que recoge",
        "count": "{count} medicamentos juntos",
        "count_one": "1 medicamento",
        "none": "No hay recogida planeada. Por favor llámenos.",
        "call": "¿Preguntas, o algo nuevo? Llame a {pharmacy}: {phone}",
        "open": "Abrimos:",
        "foot": "Por favor traiga esta hoja.",
    },
})  # fmt: skip
AGREEMENT: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "en": {
        "title": "Agreement on medication synchronization",
        "patient": "Patient: {name}, born {born}",
        "pharmacy": "Pharmacy: {name}, {address}, {phone}",
        "what": "What it means",
        "one": "My regular medicines are made ready together, on one day each cycle. The next day is {day}.",
        "two": "To bring them to the same day, some may first be filled for fewer days; the plan was explained to me.",
        "three": "The pharmacy asks my prescribers for refills beforehand, and reminds me before each pickup.",
        "four": "I tell the pharmacy of new, changed or stopped medicines and of hospital stays.",
        "five": "I can leave at any time, by a call or at the counter. My medicines do not depend on taking part.",
        "medicines": "Medicines that take part",
        "consent": "How I agreed to be reached",
        "nothing": "No automated message was agreed to: the pharmacy calls.",
        "signature": "Signature",
        "date": "Date",
        "by": "Enrolled by {by} on {day}",
        "sms": "text message", "voice": "phone call", "email": "e-mail",
    },
    "es": {
        "title": "Acuerdo de sincronización de medicamentos",
        "patient": "Paciente: {name}, fecha de nacimiento {born}",
        "pharmacy": "Farmacia: {name}, {address}, {phone}",
        "what": "Lo que significa",
        "one": "Mis medicamentos regulares se preparan juntos, un solo día por ciclo. El próximo día es {day}.",
        "two": "Para juntarlos, algunos pueden surtirse primero por menos días; me explicaron el plan.",
        "three": "La farmacia pide las recetas a mis médicos con tiempo y me avisa antes de cada recogida.",
        "four": "Aviso a la farmacia de medicamentos nuevos, cambiados o suspendidos y de hospitalizaciones.",
        "five": "Puedo salir en cualquier momento, por teléfono o aquí. Mis medicamentos no dependen de esto.",
        "medicines": "Medicamentos que participan",
        "consent": "Cómo acepté que me contacten",
        "nothing": "No acepté mensajes automáticos: la farmacia me llama.",
        "signature": "Firma",
        "date": "Fecha",
        "by": "Inscrito por {by} el {day}",
        "sms": "mensaje de texto", "voice": "llamada", "email": "correo electrónico",
    },
})  # fmt: skip


def long_day(day: date, language: str) -> str:
    """Said as "Tuesday, December 1, 2026", "martes 1 de diciembre de 2026"."""
    name, month = DAYS[language][day.weekday()], MONTHS[language][day.month - 1]
    if language == "es":
        return f"{name} {day.day} de {month} de {day.year}"
    return f"{name}, {month} {day.day}, {day.year}"


def fill_words(drug: BatchDrug) -> str:
    """Said as "30 units, 30 days, full fill, claim code 48" (for staff)."""
    quantity = f"{drug.quantity.normalize():f} units, " if drug.quantity else ""
    kind = "short fill" if drug.fill_kind is FillKind.SHORT else "full fill"
    code = f", claim code {drug.claim_code}" if drug.claim_code is not None else ""
    return f"{quantity}{drug.days_supply} days, {kind}{code}"
