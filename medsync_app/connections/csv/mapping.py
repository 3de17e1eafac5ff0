"""Which column of a source holds which of our fields: presets, guesses, and the check before an import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from medsync_app.connections.csv.fields import FIELD_BY_KEY, FIELDS, fold_header
from medsync_app.errors import Invalid

#: Preset -> our field -> the source's column header.
PRESETS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "standard_export": MappingProxyType({
        "rx_number": "Rx Number", "fill_number": "Fill Number", "written_on": "Date Written",
        "filled_on": "Date Filled", "sold_on": "Date Sold", "drug_name": "Drug Name", "ndc": "NDC",
        "form": "Form",
        "quantity": "Quantity", "days_supply": "Days Supply", "refills_left": "Refills Left", "sig": "Sig",
        "schedule": "DEA Class", "patient_id": "Patient ID", "last_name": "Last Name",
        "first_name": "First Name",
        "birth_date": "DOB", "cell": "Cell Phone", "home": "Home Phone", "email": "Email",
        "address": "Address",
        "city": "City", "state": "State", "postal_code": "Zip", "prescriber_name": "Prescriber",
        "prescriber_npi": "Prescriber NPI", "prescriber_phone": "Prescriber Phone",
        "prescriber_fax": "Prescriber Fax", "plan": "Plan", "plan_type": "Plan Type", "copay": "Copay",
        "pa_ends_on": "PA Expires", "status": "Status",
    }),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Our field -> column header. `two_digit_years` allows 11/20/26; `day_first` reads 20/11/2026."""

    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(dict[str, str]()))
    two_digit_years: bool = False
    day_first: bool = False
    name: str = ""

    def to_document(self) -> dict[str, Any]:
        """The mapping as kept with an import run."""
        return {
            "columns": dict(self.columns), "two_digit_years": self.two_digit_years,
            "day_first": self.day_first,
            "name": self.name,
        }  # fmt: skip


def from_document(document: Mapping[str, Any]) -> ColumnMapping:
    """A mapping from its document (a form, a stored run); Invalid names what is wrong with it."""
    columns: object = document.get("columns")
    if not isinstance(columns, dict):
        raise Invalid("A mapping needs its columns: our field and the column's name.", "mapping.columns")
    chosen: dict[str, str] = {}
    for key, header in cast("dict[object, object]", columns).items():
        if key not in FIELD_BY_KEY:
            raise Invalid(f"There is no field {str(key)[:40]!r}.", "mapping.columns")
        if not isinstance(header, str):
            raise Invalid("The name of a column is a text.", f"mapping.columns.{key}")
        if header.strip():
            chosen[str(key)] = header
    flags: dict[str, bool] = {}
    for flag in ("two_digit_years", "day_first"):
        value = document.get(flag, False)
        if not isinstance(value, bool):
            raise Invalid("Choose yes or no.", f"mapping.{flag}")
        flags[flag] = value
    name = document.get("name", "")
    return ColumnMapping(MappingProxyType(chosen), name=name if isinstance(name, str) else "", **flags)


def preset(name: str) -> ColumnMapping:
    """A shipped mapping by name; Invalid lists those there are."""
    if name not in PRESETS:
        raise Invalid(f"There is no preset {name[:40]!r}. Known: {', '.join(sorted(PRESETS))}.", "preset")
    return ColumnMapping(PRESETS[name], name=name)


def suggest_mapping(headers: Sequence[str]) -> ColumnMapping:
    """The preset whose columns are all there, else a guess by the names other systems use."""
    present = {fold_header(header): header for header in headers}
    for name, columns in PRESETS.items():
        if all(fold_header(header) in present for header in columns.values()):
            return ColumnMapping(
                MappingProxyType({key: present[fold_header(header)] for key, header in columns.items()}),
                name=name,
            )
    return ColumnMapping(MappingProxyType(_guess(present)), name="guessed")


def _guess(present: Mapping[str, str]) -> dict[str, str]:
    """Better names first over all fields, so that "Patient" is no Patient ID when a column is called that."""
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    longest = max(len(entry.names) for entry in FIELDS)
    for position in range(longest):
        for entry in FIELDS:
            if entry.key in chosen or position >= len(entry.names):
                continue
            header = present.get(entry.names[position])
            if header is not None and header not in taken:
                chosen[entry.key] = header
                taken.add(header)
    return chosen


def check_mapping(mapping: ColumnMapping, headers: Sequence[str]) -> dict[str, int]:
    """Our field -> position of its column; Invalid lists required fields without a column and unknown
    columns.
    """
    positions = {fold_header(header): index for index, header in enumerate(headers)}
    exact = {header: index for index, header in enumerate(headers)}
    found: dict[str, int] = {}
    unknown: list[str] = []
    for key, header in mapping.columns.items():
        index = exact.get(header, positions.get(fold_header(header)))
        if index is None:
            unknown.append(header)
        else:
            found[key] = index
    missing = missing_fields(found)
    if missing:
        raise Invalid(
            f"The file has no column for: {', '.join(missing)}. Name the columns in the first line, or "
            "choose them in the mapping.",
            "mapping",
        )
    if unknown and not mapping.name:
        raise Invalid(f"The file has no column {unknown[0][:60]!r}. Choose another one.", "mapping")
    return found


def missing_fields(keys: Mapping[str, object]) -> list[str]:
    """Labels of what is still needed: the required fields, and something that tells patients apart."""
    missing = [entry.label for entry in FIELDS if entry.required and entry.key not in keys]
    if "patient_name" not in keys and not {"last_name", "first_name"} <= set(keys):
        missing.append("Last name and First name")
    if "patient_id" not in keys and "birth_date" not in keys:
        missing.append("Patient ID (or Birth date)")
    return missing


def ignored_columns(mapping: ColumnMapping, headers: Sequence[str]) -> list[str]:
    """Columns of the file that no field uses."""
    used = {fold_header(header) for header in mapping.columns.values()}
    return [header for header in headers if fold_header(header) not in used]
