"""The two sheets a patient takes home: the calendar in large print, and the agreement to sign."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from medsync_app.domain.wordings import written_phone, written_time
from medsync_app.reads.paper import PatientPaper
from medsync_app.web.paper.sheet import Sheet
from medsync_app.web.paper.words import AGREEMENT, CALENDAR, DAYS, MONTHS, long_day

#: Large print begins at 16 points.
LARGE = 1.6


def calendar_pdf(found: PatientPaper, language: str) -> bytes:
    """The coming pickups with a month for each; medicines are named when the patient wished to see names."""
    words, shop = CALENDAR[language], found.shop
    sheet = Sheet(words["title"], foot=words["foot"], language=language, scale=LARGE)
    sheet.heading(words["title"])
    sheet.text(words["for"].format(name=f"{found.first_name} {found.last_name}"))
    syncs = [one for one in found.pickups if one.kind == "sync"]
    for trip in (one for one in found.pickups if one.kind != "sync"):
        sheet.text(words["short"].format(day=long_day(trip.day, language)))
    if not syncs:
        sheet.text(words["none"], bold=True)
    for pickup in syncs[:1]:
        sheet.text(words["next"].format(day=long_day(pickup.day, language)), size=13, bold=True)
        sheet.text(words["what"], bold=True)
        names = [drug.name for drug in pickup.drugs]
        if found.names_wanted:
            sheet.lines(names)
        else:
            sheet.text(words["count_one"] if len(names) == 1 else words["count"].format(count=len(names)))
    if found.later:
        days = "; ".join(long_day(day, language) for day in found.later)
        sheet.text(words["later"].format(days=days))
        sheet.text(words["later_note"])
    sheet.space()
    short = [DAYS[language][(index + 6) % 7][:3] for index in range(7)]
    marked = {one.day for one in found.pickups}
    for first in sorted({day.replace(day=1) for day in marked}):
        sheet.month(f"{MONTHS[language][first.month - 1]} {first.year}", short, first, marked)
    sheet.text(words["call"].format(pharmacy=shop.name, phone=written_phone(shop.phone)), bold=True)
    if shop.hours:
        sheet.text(words["open"], bold=True)
        sheet.lines(openings(shop.hours, language))
    return sheet.pdf()


def agreement_pdf(found: PatientPaper, language: str) -> bytes:
    """What taking part means, with what takes part, how the patient is reached, and a line to sign on."""
    words, shop = AGREEMENT[language], found.shop
    sheet = Sheet(words["title"], foot=shop.name, language=language, scale=1.15)
    born = found.birth_date.strftime("%m/%d/%Y") if found.birth_date else "-"
    sheet.heading(words["title"])
    sheet.text(words["patient"].format(name=f"{found.first_name} {found.last_name}", born=born))
    sheet.text(
        words["pharmacy"].format(name=shop.name, address=shop.address or "-", phone=written_phone(shop.phone))
    )
    syncs = [one for one in found.pickups if one.kind == "sync"]
    day = long_day(syncs[0].day, language) if syncs else "-"
    sheet.heading(words["what"], 2)
    sheet.lines([words[name].format(day=day) for name in ("one", "two", "three", "four", "five")])
    sheet.heading(words["medicines"], 2)
    sheet.lines([drug.name for pickup in syncs[:1] for drug in pickup.drugs] or ["-"])
    sheet.heading(words["consent"], 2)
    if not found.agreed:
        sheet.text(words["nothing"])
    for way in found.agreed:
        on = f", {_local(way.at, shop.zone).strftime('%m/%d/%Y')}" if way.at else ""
        sheet.text(f"{words[way.channel.value]}: {written_phone(way.address)}{on}", bold=True)
        if way.wording:
            sheet.text(way.wording)
    if found.enrolled_at is not None:
        enrolled = long_day(_local(found.enrolled_at, shop.zone), language)
        sheet.text(words["by"].format(by=found.enrolled_by, day=enrolled))
    sheet.signature(words["signature"], words["date"])
    return sheet.pdf()


def _local(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def openings(hours: Mapping[int, tuple[str, str]], language: str) -> list[str]:
    """A line for each run of days (0 is Monday) with the same hours: "Monday to Friday: 9am - 7pm"."""
    runs: list[list[int]] = []
    for day in sorted(hours):
        if runs and day == runs[-1][-1] + 1 and hours[day] == hours[runs[-1][0]]:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [_opening(run, hours[run[0]], language) for run in runs]


def _opening(run: list[int], hours: tuple[str, str], language: str) -> str:
    first, last = DAYS[language][run[0]], DAYS[language][run[-1]]
    days = first if len(run) == 1 else f"{first} {'to' if language == 'en' else 'a'} {last}"
    opens, closes = (written_time(datetime.strptime(at, "%H:%M").time(), language) for at in hours)  # noqa: DTZ007
    return f"{days}: {opens} - {closes}"
