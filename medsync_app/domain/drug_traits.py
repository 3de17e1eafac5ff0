"""Ingredients taken for days, not for years (acute), and those of specialty or limited distribution.

Source: FDA Orange Book ingredient names and labels; house rule which of them count as acute. Drugs that are
taken both ways are listed as acute only where a short course is the rule; directions and refills decide the
rest.
"""

from collections.abc import Iterable


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.replace("\n", ",").split(",") if name.strip())


ANTIBIOTICS = _names("""
amoxicillin, ampicillin, azithromycin, cefaclor, cefadroxil, cefdinir, cefixime, cefpodoxime, cefprozil
ceftriaxone, cefuroxime, cephalexin, ciprofloxacin, clarithromycin, clavulanate, clindamycin, delafloxacin
dicloxacillin, doxycycline, erythromycin, fidaxomicin, fosfomycin, gatifloxacin, gemifloxacin, gepotidacin
gentamicin, levofloxacin, linezolid, metronidazole, minocycline, moxifloxacin, nitrofurantoin, ofloxacin
omadacycline, penicillin v, penicillin g, pivmecillinam, polymyxin b, sulbactam, sulfadiazine
sulfamethoxazole, sulopenem, tedizolid, tetracycline, tinidazole, tobramycin, trimethoprim, vancomycin
besifloxacin, neomycin, bacitracin, mupirocin, sulfacetamide, secnidazole, lefamulin
""")

ANTIVIRALS_FOR_ACUTE_USE = _names("""
baloxavir, molnupiravir, nirmatrelvir, oseltamivir, peramivir, rimantadine, zanamivir
""")

ANTIFUNGALS_AND_ANTIPARASITICS = _names("""
albendazole, atovaquone, benznidazole, clotrimazole, fluconazole, griseofulvin, ibrexafungerp, ivermectin
mebendazole, miltefosine, nitazoxanide, nystatin, oteseconazole, permethrin, praziquantel, proguanil
pyrantel, spinosad, terbinafine, terconazole, triclabendazole, artemether, lumefantrine, mefloquine
tafenoquine
""")

SHORT_STEROID_COURSES = _names("methylprednisolone, prednisone, prednisolone, dexamethasone")

PREVENTIVE_WHEN_LONG = SHORT_STEROID_COURSES | _names(
    "doxycycline, minocycline, nitrofurantoin, penicillin v, trimethoprim"
)
"""Acute drugs that are maintenance when supplied for a month or more at a time."""

OPIOIDS = _names("""
benzhydrocodone, butorphanol, codeine, dihydrocodeine, fentanyl, hydrocodone, hydromorphone, levorphanol
meperidine, methadone, morphine, nalbuphine, oliceridine, oxycodone, oxymorphone, pentazocine, tapentadol
tramadol
""")

OTHER_SHORT_COURSES = _names("""
benzonatate, carisoprodol, cyclobenzaprine, metaxalone, methocarbamol, chlorzoxazone, orphenadrine
ketorolac, phenazopyridine, promethazine, ondansetron, prochlorperazine, trimethobenzamide, diphenoxylate
guaifenesin, pseudoephedrine, phenylephrine, dextromethorphan, brompheniramine, chlorpheniramine, ulipristal
misoprostol, sodium picosulfate, sodium sulfate, suzetrigine, phentermine, butalbital
""")

ACUTE_INGREDIENTS = (
    ANTIBIOTICS
    | ANTIVIRALS_FOR_ACUTE_USE
    | ANTIFUNGALS_AND_ANTIPARASITICS
    | SHORT_STEROID_COURSES
    | OPIOIDS
    | OTHER_SHORT_COURSES
)

SPECIALTY_INGREDIENTS = _names("""
abatacept, abemaciclib, abiraterone, acalabrutinib, adalimumab, alectinib, alpelisib, ambrisentan, anakinra
apalutamide, apremilast, axitinib, baricitinib, belimumab, benralizumab, bexarotene, bictegravir, bosentan
bosutinib, brigatinib, cabotegravir, cabozantinib, cannabidiol, capecitabine, capmatinib, certolizumab
cladribine, cobimetinib, crizotinib, cyclosporine, dabrafenib, daclatasvir, dalfampridine, darolutamide
darbepoetin, dasatinib, deferasirox, deferiprone, deflazacort, denosumab, deutetrabenazine, deucravacitinib
dimethyl fumarate, diroximel fumarate, dolutegravir, dornase alfa, dupilumab, elagolix, elbasvir
elexacaftor, eltrombopag, enfuvirtide, entecavir, entrectinib, enzalutamide, epoetin, erdafitinib, erlotinib
etanercept, everolimus, evolocumab, alirocumab, fedratinib, filgrastim, fingolimod, gefitinib, gilteritinib
glatiramer, glecaprevir, golimumab, guselkumab, ibrutinib, icatibant, iloprost, imatinib, inclisiran
interferon beta, ivacaftor, ixazomib, ixekizumab, lanadelumab, lapatinib, larotrectinib, ledipasvir
lenalidomide, lenvatinib, leuprolide, lorlatinib, lumacaftor, macitentan, mepolizumab, midostaurin
miglustat, mitapivat, neratinib, nilotinib, nintedanib, niraparib, nitisinone, obeticholic acid, octreotide
ofatumumab, olaparib, omalizumab, osimertinib, ozanimod, palbociclib, pazopanib, pegfilgrastim, pegvisomant
pibrentasvir, pimavanserin, pirfenidone, pitolisant, pomalidomide, ponatinib, ponesimod, regorafenib
ribociclib, riociguat, risankizumab, risdiplam, rituximab, rucaparib, ruxolitinib, sapropterin, sarilumab
secukinumab, selexipag, selinexor, siponimod, sodium oxybate, sodium phenylbutyrate, sofosbuvir, somatropin
sonidegib, sorafenib, sotorasib, sunitinib, tafamidis, talazoparib, tasimelteon, telotristat, temozolomide
tenapanor, teriflunomide, teriparatide, tesamorelin, tetrabenazine, tezacaftor, tezepelumab, thalidomide
tildrakizumab, tivozanib, tocilizumab, tofacitinib, tolvaptan, trametinib, treprostinil, trientine
trifluridine, tucatinib, upadacitinib, ustekinumab, valbenazine, vandetanib, velpatasvir, vemurafenib
venetoclax, vericiguat, vismodegib, voxelotor, voxilaprevir, zanubrutinib, ropeginterferon, peginterferon
abaloparatide, rifaximin, vigabatrin, fenfluramine, stiripentol
""")


HIGH_ALERT_INGREDIENTS = OPIOIDS | _names("""
warfarin, apixaban, dabigatran, dabigatran etexilate, edoxaban, rivaroxaban, enoxaparin, dalteparin
fondaparinux, heparin, prasugrel, ticagrelor, vorapaxar
methotrexate, mercaptopurine, azathioprine, mycophenolate, mycophenolic acid, tacrolimus, cyclosporine
sirolimus, everolimus, lamotrigine, carbamazepine, phenytoin, valproate, valproic acid, divalproex
chlorpropamide, glimepiride, glipizide, glyburide, tolazamide, tolbutamide
digoxin, lithium, lithium carbonate, theophylline, levothyroxine, flecainide, dofetilide, clozapine
isotretinoin, bosentan, ambrisentan, macitentan, thalidomide, lenalidomide, pomalidomide
""")
"""A new one of these in mid-programme is a pharmacist's decision ("clinically flagged", DOMAIN.md section 2).

Source: ISMP List of High-Alert Medications in Community/Ambulatory Care Settings; drugs with a narrow therapeutic
index in FDA's product-specific guidance; house rule which of them count. Insulins wait for a tick anyway.
"""

MONTH_DAYS = 28
"""Days supply from which a fill looks like maintenance."""


def is_acute(ingredients: Iterable[str], days_supply: int | None = None) -> bool:
    """True when a course of days is the rule for one of the ingredients: not a maintenance drug."""
    long = days_supply is not None and days_supply >= MONTH_DAYS
    return any(
        name in ACUTE_INGREDIENTS and not (long and name in PREVENTIVE_WHEN_LONG) for name in ingredients
    )


def is_high_alert(ingredients: Iterable[str]) -> bool:
    """True when a mistake with the drug harms more than with others: no plan takes a new one in by itself."""
    return any(name in HIGH_ALERT_INGREDIENTS for name in ingredients)


def is_antibiotic(ingredients: Iterable[str]) -> bool:
    """True for antibiotics, whose short fills are not prorated when they are solid and oral (42 CFR 423.153)."""
    return any(name in ANTIBIOTICS for name in ingredients)


def is_specialty(ingredients: Iterable[str]) -> bool:
    """True for specialty or limited-distribution drugs."""
    return any(name in SPECIALTY_INGREDIENTS for name in ingredients)
