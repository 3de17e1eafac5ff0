"""The DEA schedule that a drug's name tells, for where the source says none (21 CFR 1308.12-15, common drugs only).

Without it a controlled drug typed at the counter, or from a file without that column, would be planned like any
other. Choices where names leave room: codeine with another ingredient counts as schedule III, also the syrups of
schedule V; products that are exempt in some forms (butalbital) are left out.
"""

import re
from collections.abc import Mapping


def _by_word(words: Mapping[int, str]) -> dict[str, int]:
    return {word: schedule for schedule, text in words.items() for word in text.split()}


#: Word of a name, generic or brand -> schedule.
SCHEDULES = _by_word({
    2: """
        amphetamine dextroamphetamine lisdexamfetamine methamphetamine methylphenidate dexmethylphenidate
        serdexmethylphenidate oxycodone hydrocodone morphine fentanyl methadone hydromorphone oxymorphone tapentadol
        meperidine levorphanol secobarbital pentobarbital amobarbital nabilone codeine opium adderall mydayis evekeo
        dexedrine zenzedi vyvanse desoxyn ritalin concerta metadate quillivant daytrana focalin azstarys oxycontin
        roxicodone percocet endocet norco vicodin lortab hysingla kadian duragesic dolophine dilaudid opana nucynta
        demerol xtampza oxaydo roxybond xelstrym cesamet
    """,
    3: """
        testosterone methyltestosterone oxandrolone nandrolone buprenorphine ketamine esketamine perampanel dronabinol
        phendimetrazine benzphetamine butabarbital oxybate androgel testim fortesta jatenzo xyosted suboxone subutex
        zubsolv butrans belbuca fycompa marinol spravato xyrem xywav lumryz
    """,
    4: """
        alprazolam clonazepam diazepam lorazepam temazepam triazolam chlordiazepoxide clobazam clorazepate oxazepam
        estazolam flurazepam quazepam midazolam meprobamate zuranolone zolpidem zaleplon eszopiclone suvorexant
        lemborexant daridorexant phenobarbital tramadol carisoprodol modafinil armodafinil phentermine diethylpropion
        butorphanol pentazocine solriamfetol xanax klonopin valium ativan restoril halcion librium onfi sympazan
        ambien sonata lunesta belsomra dayvigo quviviq ultram ultracet soma provigil nuvigil adipex lomaira qsymia
        sunosi zurzuvae doral edluar nayzilam valtoco
    """,
    5: """
        pregabalin lacosamide brivaracetam cenobamate ganaxolone diphenoxylate eluxadoline lasmiditan lyrica vimpat
        briviact xcopri lomotil viberzi reyvow ztalmy
    """,
})  # fmt: skip
_WORD = re.compile(r"[a-z]{4,}")
_WITH_CODEINE = 3
_NO_INGREDIENTS = frozenset(
    [
        "codeine",
        "sulfate",
        "phosphate",
        "tablet",
        "tablets",
        "oral",
        "solution",
        "capsule",
        "extended",
        "release",
        "hour",
        "injection",
    ]
)


def schedule_of_name(name: str) -> int | None:
    """2-5, the strictest that a word of the name stands for; None when none is known to be controlled."""
    words = frozenset(_WORD.findall(name.casefold()))
    found = {SCHEDULES[word] for word in words if word in SCHEDULES and word != "codeine"}
    if "codeine" in words:
        found.add(_WITH_CODEINE if words - _NO_INGREDIENTS else SCHEDULES["codeine"])
    return min(found, default=None)
