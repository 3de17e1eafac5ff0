"""The drug names that are recognised: ingredients, brands and abbreviations common in the United States.

Source: FDA Orange Book ingredient names. The list only serves to recognise a name; a drug that is not in it
is reported as unknown, never guessed. Salts are removed before a name is looked up, except where they are the
drug.
"""

from collections.abc import Mapping

from medsync_app.domain.drug_classes import BRANDS, CLASS_OF_INGREDIENT, COMBINATIONS, WEIGHT_ONLY_BRANDS
from medsync_app.domain.drug_traits import ACUTE_INGREDIENTS, SPECIALTY_INGREDIENTS

_COMMON = """
abacavir, acarbose, acamprosate, acebutolol, acetaminophen, acetazolamide, acetic acid, aclidinium
acyclovir, adapalene, albuterol, alendronate, alfuzosin, allopurinol, almotriptan, alosetron, alprazolam
amantadine, amiloride, amiodarone, amitriptyline, amlodipine, amphetamine, anastrozole, apixaban
apraclonidine, aripiprazole, armodafinil, asenapine, aspirin, atazanavir, atenolol, atogepant, atomoxetine
atropine, azathioprine, azelaic acid, azelastine, baclofen, beclomethasone, bempedoic acid, benzoyl peroxide
benztropine, bepotastine, betamethasone, betaxolol, bethanechol, bicalutamide, bimatoprost, bisacodyl
bisoprolol, brexpiprazole, brimonidine, brinzolamide, brivaracetam, bromfenac, bromocriptine, budesonide
bumetanide, buprenorphine, bupropion, buspirone, cabergoline, caffeine, calcipotriene, calcitonin
calcitriol, calcium acetate, calcium carbonate, carbamazepine, carbidopa, cariprazine, carvedilol, celecoxib
cenobamate, cetirizine, cevimeline, chlordiazepoxide, chlorhexidine, chloroquine, chlorpromazine
chlorthalidone, cholecalciferol, cholestyramine, ciclesonide, ciclopirox, cilostazol, cimetidine, cinacalcet
citalopram, citric acid, clobazam, clobetasol, clomiphene, clomipramine, clonazepam, clonidine, clopidogrel
clorazepate, clozapine, cobicistat, colchicine, colesevelam, colestipol, conjugated estrogens, cromolyn
cyanocobalamin, cyclopentolate, cyproheptadine, dabigatran, dapsone, darifenacin, darunavir, desipramine
desloratadine, desmopressin, desogestrel, desonide, desvenlafaxine, dexlansoprazole, dexmethylphenidate
dextroamphetamine, diazepam, diclofenac, dicyclomine, didanosine, difluprednate, digoxin, diltiazem
diphenhydramine, dipyridamole, disopyramide, disulfiram, docusate, dofetilide, donepezil
doravirine, dorzolamide, doxazosin, doxepin, doxylamine, dronedarone, drospirenone, duloxetine, dutasteride
econazole, edoxaban, efavirenz, efinaconazole, eletriptan, emtricitabine, entacapone, epinephrine
eplerenone, erenumab, ergocalciferol, ergotamine, escitalopram, eslicarbazepine, esomeprazole, estazolam
estradiol, eszopiclone, ethacrynic acid, ethambutol, ethinyl estradiol, ethosuximide, ethynodiol, etidronate
etodolac, etonogestrel, etravirine, exemestane, ezetimibe, famciclovir, famotidine, febuxostat, felbamate
felodipine, fenofibrate, fenofibric acid, fenoprofen, ferrous sulfate, ferrous gluconate, fesoterodine
fexofenadine, finasteride, finerenone, flavoxate, flecainide, fludrocortisone, flunisolide, fluocinolone
fluocinonide, fluoride, fluorometholone, fluorouracil, fluoxetine, fluphenazine, flurbiprofen, flutamide
fluticasone, fluvoxamine, folic acid, formoterol, fremanezumab, frovatriptan, furosemide, gabapentin
galantamine, galcanezumab, gemfibrozil, glucagon, glycopyrrolate, granisetron, guanfacine, halobetasol
haloperidol, heparin, enoxaparin, fondaparinux, hydralazine, hydrochlorothiazide, hydrocortisone
hydroxychloroquine, hydroxyurea, hydroxyzine, hyoscyamine, ibandronate, ibuprofen, iloperidone, imipramine
imiquimod, indacaterol, indapamide, indomethacin, ipratropium, irbesartan, isoniazid, isosorbide dinitrate
isosorbide mononitrate, isradipine, itraconazole, ivabradine, ketoconazole, ketoprofen, ketotifen, labetalol
lacosamide, lactulose, lamivudine, lamotrigine, lansoprazole, lanthanum, lasmiditan, latanoprost
leflunomide, letrozole, leucovorin, levalbuterol, levetiracetam, levocarnitine, levocetirizine, levodopa
levomilnacipran, levonorgestrel, levothyroxine, lidocaine, linaclotide, liothyronine, lisdexamfetamine
lithium, loperamide, lopinavir, loratadine, lorazepam, loteprednol, loxapine, lubiprostone, lumateperone
lurasidone, magnesium oxide, maraviroc, meclizine, medroxyprogesterone, mefenamic acid, megestrol, meloxicam
memantine, mercaptopurine, mesalamine, metformin, methazolamide, methenamine, methimazole, methotrexate
methscopolamine, methyclothiazide, methyldopa, methylergonovine, methylphenidate, methyltestosterone
metoclopramide, metolazone, metoprolol, mexiletine, miconazole, midodrine, mifepristone, miglitol
milnacipran, minoxidil, mirabegron, mirtazapine, modafinil, molindone, mometasone, montelukast
mycophenolate, mycophenolic acid, nabumetone, nadolol, naloxegol, naloxone, naltrexone, naproxen
naratriptan, nebivolol, nefazodone, nepafenac, netarsudil, nevirapine, niacin, nicardipine, nicotine
nifedipine, nimodipine, nisoldipine, nitroglycerin, nizatidine, norethindrone, norelgestromin, norgestimate
norgestrel, nortriptyline, olanzapine, olodaterol, olopatadine, omega-3 ethyl esters, omeprazole, orlistat
oxandrolone, oxaprozin, oxazepam, oxcarbazepine, oxybutynin, paliperidone, pancrelipase, pantoprazole
paroxetine, pentosan, pentoxifylline, perampanel, perphenazine, phenelzine, phenobarbital, phenytoin
pilocarpine, pimecrolimus, pimozide, pindolol, piroxicam, polyethylene glycol 3350, potassium chloride
potassium citrate, pramipexole, pramlintide, prasugrel, prazosin, pregabalin, primidone, probenecid
progesterone, propafenone, propantheline, propranolol, propylthiouracil, protriptyline, prucalopride
pyrazinamide, pyridostigmine, quetiapine, quinidine, rabeprazole, raloxifene, raltegravir, ramelteon
ranitidine, ranolazine, rasagiline, revefenacin, rifabutin, rifampin, rilpivirine, riluzole, rimegepant
risedronate, risperidone, ritonavir, rivaroxaban, rivastigmine, rizatriptan, roflumilast, ropinirole
rotigotine, rufinamide, safinamide, salmeterol, salsalate, saw palmetto, scopolamine, selegiline
selenium sulfide, sennosides, sertraline, sevelamer, sildenafil, silodosin, silver sulfadiazine, sirolimus
sodium bicarbonate, sodium chloride, sodium fluoride, solifenacin, solriamfetol, sotalol, spironolactone
sucralfate, sulfasalazine, sulindac, sumatriptan, suvorexant, tacrolimus, tadalafil, tafluprost, tamoxifen
tamsulosin, tazarotene, temazepam, tenofovir, tenofovir alafenamide, terazosin, terbutaline, testosterone
theophylline, thioridazine, thiothixene, thyroid, tiagabine, ticagrelor, timolol, tiotropium, tizanidine
tolcapone, tolterodine, topiramate, toremifene, torsemide, tranexamic acid, tranylcypromine, travoprost
trazodone, tretinoin, triamcinolone, triamterene, triazolam, trifluoperazine, trihexyphenidyl, trimipramine
trospium, ubrogepant, umeclidinium, ursodiol, valacyclovir, valganciclovir, valproic acid, vardenafil
varenicline, venlafaxine, verapamil, vibegron, vilanterol, vilazodone, viloxazine, voriconazole
vortioxetine, warfarin, zafirlukast, zaleplon, zidovudine, zileuton, ziprasidone, zolmitriptan, zolpidem
zonisamide, zavegepant, sacubitril, insulin, insulin aspart, insulin degludec, insulin detemir
insulin glargine, insulin glulisine, insulin isophane, insulin lispro, insulin regular, insulin efsitora
insulin icodec
"""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "hctz": ("hydrochlorothiazide",),
    "hydrochlorothiazid": ("hydrochlorothiazide",),
    "apap": ("acetaminophen",),
    "paracetamol": ("acetaminophen",),
    "asa": ("aspirin",),
    "glibenclamide": ("glyburide",),
    "sitagliptin free base": ("sitagliptin",),
    "salbutamol": ("albuterol",),
    "lignocaine": ("lidocaine",),
    "pot clavulanate": ("clavulanate",),
    "k clavulanate": ("clavulanate",),
    "clavulanate potassium": ("clavulanate",),
    "clavulanic acid": ("clavulanate",),
    "smz": ("sulfamethoxazole",),
    "tmp": ("trimethoprim",),
    "hydroco": ("hydrocodone",),
    "vitamin d": ("ergocalciferol",),
    "vitamin d2": ("ergocalciferol",),
    "vitamin d3": ("cholecalciferol",),
    "vitamin b12": ("cyanocobalamin",),
    "potassium cl": ("potassium chloride",),
    "omega-3-acid ethyl esters": ("omega-3 ethyl esters",),
    "senna": ("sennosides",),
    "penicillin vk": ("penicillin v",),
    "divalproex": ("valproic acid",),
    "divalproex sodium": ("valproic acid",),
    "valproate": ("valproic acid",),
    "insulin nph": ("insulin isophane",),
    "insulin nph isophane": ("insulin isophane",),
    "insulin nph human isophane": ("insulin isophane",),
    "insulin human": ("insulin regular",),
    "insulin aspart prot": ("insulin aspart",),
    "insulin lispro prot": ("insulin lispro",),
    "insulin aspart protamine": ("insulin aspart",),
    "insulin lispro protamine": ("insulin lispro",),
    "aspart": ("insulin aspart",),
    "lispro": ("insulin lispro",),
    "insulin reg": ("insulin regular",),
    "ethinyl est": ("ethinyl estradiol",),
    "ethinyl estrad": ("ethinyl estradiol",),
    "eth estradiol": ("ethinyl estradiol",),
    "norethindrone acet": ("norethindrone",),
    "norethindrone ace": ("norethindrone",),
    "peg 3350": ("polyethylene glycol 3350",),
    "nitroglycerine": ("nitroglycerin",),
    "estrogens conjugated": ("conjugated estrogens",),
    "estrogens, conjugated": ("conjugated estrogens",),
}

_OTHER_BRANDS = """
insulin glargine: lantus, basaglar, toujeo, semglee, rezvoglar
insulin detemir: levemir
insulin degludec: tresiba
insulin lispro: humalog, admelog, lyumjev
insulin aspart: novolog, fiasp, merilog, kirsty
insulin glulisine: apidra
insulin regular: humulin r, novolin r, afrezza, myxredlin
insulin isophane: humulin n, novolin n
insulin isophane+insulin regular: humulin 70/30, novolin 70/30
levothyroxine: synthroid, levoxyl, unithroid, euthyrox, tirosint
apixaban: eliquis
rivaroxaban: xarelto
clopidogrel: plavix
warfarin: coumadin, jantoven
ticagrelor: brilinta
albuterol: ventolin, proair, proventil
fluticasone+salmeterol: advair, wixela, airduo
budesonide+formoterol: symbicort, breyna
fluticasone+vilanterol: breo ellipta
fluticasone+umeclidinium+vilanterol: trelegy ellipta
tiotropium: spiriva
umeclidinium+vilanterol: anoro ellipta
ipratropium+albuterol: combivent
montelukast: singulair
amlodipine: norvasc
metoprolol: lopressor, toprol
carvedilol: coreg
furosemide: lasix
spironolactone: aldactone
ezetimibe: zetia
bempedoic acid+ezetimibe: nexlizet
bempedoic acid: nexletol
omeprazole: prilosec
pantoprazole: protonix
esomeprazole: nexium
gabapentin: neurontin
pregabalin: lyrica
sertraline: zoloft
escitalopram: lexapro
citalopram: celexa
fluoxetine: prozac
bupropion: wellbutrin
duloxetine: cymbalta
venlafaxine: effexor
tamsulosin: flomax
finasteride: proscar
latanoprost: xalatan
allopurinol: zyloprim
oxycodone+acetaminophen: percocet, endocet
hydrocodone+acetaminophen: norco, vicodin
zolpidem: ambien
alprazolam: xanax
clonazepam: klonopin
lorazepam: ativan
adalimumab: humira
etanercept: enbrel
dupilumab: dupixent
apremilast: otezla
amoxicillin+clavulanate: augmentin
sulfamethoxazole+trimethoprim: bactrim, septra
azithromycin: zithromax, z-pak
oseltamivir: tamiflu
nirmatrelvir+ritonavir: paxlovid
"""

SALTS = frozenset(
    """
    acetate acetonide anhydrous arginine axetil benzoate besilate besylate bisulfate bitartrate
    bromide calcium chloride cilexetil citrate dihydrate dihydrochloride dimesylate dipropionate
    disodium disoproxil erbumine etexilate ethyl fumarate furoate gluconate hbr hcl hemifumarate
    hippurate human hydrobromide hydrochloride hydroxide hyclate kamedoxomil lactate magnesium
    maleate medoxomil mesylate micronized mofetil monohydrate mononitrate nitrate olamine oxalate
    pamoate pentahydrate phosphate pivoxil potassium propanediol propionate proxetil recombinant
    saccharate sodium stearate strontium succinate sulfate tartrate tosylate tromethamine trihydrate
    valerate xinafoate zinc analog besy besyl succ tart fum mal mes sod dihyd hydrobrom bitart
    """.split()  # noqa: SIM905 (a list of this length is read as text)
)
"""Words that name a salt, ester or hydrate, dropped from the end of an ingredient."""


def _other_brands() -> dict[str, tuple[str, ...]]:
    brands: dict[str, tuple[str, ...]] = {}
    for line in _OTHER_BRANDS.split("\n"):
        ingredients, _, names = line.partition(":")
        for name in names.split(","):
            if name.strip():
                brands[name.strip()] = tuple(ingredients.split("+"))
    return brands


KNOWN_INGREDIENTS: frozenset[str] = (
    frozenset(name.strip() for name in _COMMON.replace("\n", ",").split(",") if name.strip())
    | frozenset(CLASS_OF_INGREDIENT)
    | frozenset(name for combination in COMBINATIONS for name in combination)
    | ACUTE_INGREDIENTS
    | SPECIALTY_INGREDIENTS
)

PRODUCT_NAMES: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in KNOWN_INGREDIENTS},
    **_other_brands(),
    **BRANDS,
    **WEIGHT_ONLY_BRANDS,
    **SYNONYMS,
}
"""Every name that is recognised (ingredient, brand, abbreviation), in lower case -> its ingredients."""
