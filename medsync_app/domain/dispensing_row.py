"""One usable row of a dispensing export in our own words, whatever the source called its columns."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from medsync_app.domain.states import FillStatus


@dataclass(frozen=True, slots=True)
class PatientData:
    """The patient as one row describes them; `key` is the source's id, or name and birth date where it has
    none.
    """

    key: str
    first_name: str
    last_name: str
    birth_date: date | None
    address: str
    city: str
    state: str
    postal_code: str
    #: E.164 numbers and a lower-case e-mail address; empty when missing or unusable.
    cell: str
    home: str
    email: str
    #: Short digest of all of the above: equal digests mean nothing new.
    digest: str


@dataclass(frozen=True, slots=True)
class PrescriberData:
    """The prescriber as one row describes them; `key` is the NPI, or the folded name where there is none."""

    key: str
    name: str
    npi: str
    phone: str
    fax: str
    digest: str


@dataclass(frozen=True, slots=True)
class DrugData:
    """What is known of a drug from its name, form and schedule; `key` is shared by all Rx numbers of one
    therapy.
    """

    key: str
    name: str
    ingredients: tuple[str, ...]
    form: str
    #: DEA schedule 2-5, None when not controlled.
    schedule: int | None
    unbreakable: bool
    specialty: bool


@dataclass(frozen=True, slots=True)
class DispensingRow:
    """One dispensing, reversal or return of one Rx number; money and quantities are never negative here."""

    #: Line of the file where the record starts, the header being line 1.
    line: int
    patient: PatientData
    prescriber: PrescriberData | None
    drug: DrugData
    rx_number: str
    fill_number: int
    written_on: date | None
    filled_on: date
    sold_on: date | None
    ndc: str
    quantity: Decimal
    #: None: the source does not say.
    days_supply: int | None
    refills_left: int | None
    sig: str
    as_needed: bool
    plan: str
    #: commercial, part_d, medicaid, cash or empty.
    payer: str
    copay: Decimal | None
    pa_ends_on: date | None
    #: Claimed with submission clarification code 47.
    short_fill: bool
    status: FillStatus
    #: The day the source says the drug was stopped.
    stopped_on: date | None
    #: Hash of the whole row: equal rows repeat each other.
    content: int
    #: How new the row's data is: compares as text, newest last.
    rank: str
    #: False: it tells of an Rx number only, such as a new one that nothing was filled of yet.
    dispensed: bool = True


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be used: its line, the source's column, and what to correct."""

    line: int
    column: str
    reason: str
