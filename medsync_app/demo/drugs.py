"""The drugs that demo patients take, and who takes which together."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug as a pharmacy system lists it; `long` may be filled for 90 days, `per_day` are units."""

    name: str
    ndc: str
    form: str
    per_day: Decimal
    copay: str
    days: int = 30
    long: bool = False
    schedule: str = ""
    as_needed: bool = False
    #: Needs the plan's approval, which ends.
    approval: bool = False

    @property
    def sig(self) -> str:
        return f"Take {self.per_day.normalize():f} unit(s) daily{' as needed' if self.as_needed else ''}"


def _tablet(name: str, ndc: str, per_day: str = "1", copay: str = "3.40", **more: bool | str) -> Drug:
    return Drug(f"{name} Oral Tablet", ndc, "TAB", Decimal(per_day), copay, **more)  # pyright: ignore[reportArgumentType]


LISINOPRIL = _tablet("Lisinopril 20 MG", "03860595833", long=True)
LOSARTAN = _tablet("Losartan Potassium 50 MG", "07408616530", copay="3.20", long=True)
AMLODIPINE = _tablet("Amlodipine Besylate 5 MG", "04324455614", copay="2.80", long=True)
HCTZ = _tablet("Hydrochlorothiazide 25 MG", "02308293031", "0.5", "2.80")
METOPROLOL = _tablet("Metoprolol Succinate ER 50 MG", "03272984206", "1.5", "3.60")
METFORMIN = _tablet("Metformin HCl 500 MG", "08740205276", "2", "3.00")
GLIPIZIDE = _tablet("Glipizide 5 MG", "05177211891", "2", "3.00")
EMPAGLIFLOZIN = _tablet("Empagliflozin 10 MG", "04770050938", copay="47.00", approval=True)
ATORVASTATIN = _tablet("Atorvastatin Calcium 40 MG", "07042387802", copay="3.20", long=True)
ROSUVASTATIN = _tablet("Rosuvastatin Calcium 10 MG", "04768665049", copay="3.80", long=True)
CLOPIDOGREL = _tablet("Clopidogrel 75 MG", "01672140870")
APIXABAN = _tablet("Apixaban 5 MG", "06948550296", "2", "47.00", approval=True)
FUROSEMIDE = _tablet("Furosemide 40 MG", "07606179775", copay="3.00")
POTASSIUM = _tablet("Potassium Chloride ER 20 MEQ", "02646925476", copay="4.40")
LEVOTHYROXINE = _tablet("Levothyroxine Sodium 75 MCG", "05911142653", copay="3.80", long=True)
SERTRALINE = _tablet("Sertraline HCl 50 MG", "07661156409")
MONTELUKAST = _tablet("Montelukast Sodium 10 MG", "05326343053", copay="14.40")
ZOLPIDEM = _tablet("Zolpidem Tartrate 5 MG", "08377088255", copay="3.60", schedule="C4")
IBUPROFEN = _tablet("Ibuprofen 800 MG", "07312948239", "3", "3.40", as_needed=True)
OMEPRAZOLE = Drug("Omeprazole DR 20 MG Oral Capsule", "03658437000", "CAP", Decimal(1), "3.40")
TAMSULOSIN = Drug("Tamsulosin HCl 0.4 MG Oral Capsule", "01880108471", "CAP", Decimal(1), "3.60")
GABAPENTIN = Drug("Gabapentin 300 MG Oral Capsule", "01329079460", "CAP", Decimal(3), "4.00", schedule="C5")
INSULIN = Drug(
    "Insulin Glargine 100 UNIT/ML Pen Injector", "07704074309", "PEN", Decimal("0.3"), "47.00", approval=True
)
LATANOPROST = Drug("Latanoprost 0.005 % Ophthalmic Solution", "06049453747", "DRP", Decimal("0.08"), "4.80")

#: What is taken for one condition: drugs that come together, and drugs of which some people take one more.
_CONDITIONS: Sequence[tuple[Sequence[Drug], Sequence[Drug]]] = (
    ((LISINOPRIL, AMLODIPINE), (HCTZ, METOPROLOL)),
    ((LOSARTAN, AMLODIPINE), (HCTZ, METOPROLOL)),
    ((METFORMIN, ATORVASTATIN), (GLIPIZIDE, EMPAGLIFLOZIN, INSULIN)),
    ((METFORMIN, LISINOPRIL), (EMPAGLIFLOZIN, GLIPIZIDE)),
    ((METOPROLOL, FUROSEMIDE), (POTASSIUM, APIXABAN)),
    ((ATORVASTATIN, CLOPIDOGREL), (METOPROLOL,)),
    ((ROSUVASTATIN,), (AMLODIPINE,)),
)
_OTHERS = (
    LEVOTHYROXINE, SERTRALINE, OMEPRAZOLE, OMEPRAZOLE, TAMSULOSIN, MONTELUKAST, GABAPENTIN, ZOLPIDEM, IBUPROFEN,
    LATANOPROST, LEVOTHYROXINE, SERTRALINE,
)  # fmt: skip


def invent_regimen(random: Random) -> list[Drug]:
    """Two to seven different drugs that one person might take."""
    together, more = random.choice(_CONDITIONS)
    chosen = [*together]
    if random.random() < 0.6:
        chosen.append(random.choice(list(more)))
    chosen.extend(random.sample(_OTHERS, random.choice((0, 1, 1, 2, 2, 3))))
    if len(chosen) < 2:
        chosen.append(OMEPRAZOLE)
    return list(dict.fromkeys(chosen))
