"""A patient of two drugs, as the pharmacy system tells of them by its exports."""

from datetime import date, timedelta

from tests.support.exports import row
from tests.support.programme import TODAY

#: When both were filled and sold.
FILLED = TODAY - timedelta(days=20)


def us(day: date) -> str:
    """A day as exports write it."""
    return f"{day.month}/{day.day}/{day.year}"


def lisinopril(**changes: str) -> dict[str, str]:
    return row(**{"Date_Filled": us(FILLED), "Date_Sold": us(FILLED), **changes})


def metformin(**changes: str) -> dict[str, str]:
    return lisinopril(
        **{"Rx_Number": "700002", "Drug_Name": "Metformin HCl 500 MG Oral Tablet", "Quantity": "60",
           "Sig": "Take 2 unit(s) daily", **changes}
    )  # fmt: skip
