"""Shop queries labelled by hand: what each one constrains, and which words are left to search by.

Written before the parser was. `TUNED` is for working on it; `HELD_OUT` is only ever measured.
"""

from dataclasses import dataclass, field
from typing import Any

CATEGORIES = (
    "Shoes",
    "Dresses",
    "Home & Kitchen",
    "Electronics",
    "Toys",
    "Watch",
    "Men's Clothing",
)
"""The categories of the catalog that all phrases are put to."""


@dataclass(frozen=True)
class Phrase:
    """A query with the filters and the remaining words that a careful reader would take from it."""

    text: str
    rest: str
    filters: dict[str, Any] = field(default_factory=dict)
    negative: bool = False
    """It holds something that looks like a constraint and is none."""


def said(text: str, rest: str, *filters: dict[str, Any]) -> Phrase:
    """A phrase whose every constraint is meant."""
    return Phrase(text, rest, {name: value for part in filters for name, value in part.items()})


def part(text: str, rest: str, *filters: dict[str, Any]) -> Phrase:
    """A phrase with one constraint that is meant and one that only looks so."""
    return Phrase(text, rest, said(text, rest, *filters).filters, negative=True)


def none(text: str) -> Phrase:
    """A phrase that only looks constrained: it is searched as it stands."""
    return Phrase(text, text, negative=True)


def price(currency: str | None = None, **bounds: float) -> dict[str, Any]:
    return {"price": bounds} | ({"currency": currency} if currency else {})


def usd(**bounds: float) -> dict[str, Any]:
    return price("USD", **bounds)


def eur(**bounds: float) -> dict[str, Any]:
    return price("EUR", **bounds)


def gbp(**bounds: float) -> dict[str, Any]:
    return price("GBP", **bounds)


def stars(**bounds: float) -> dict[str, Any]:
    return {"attributes": {"stars": bounds}}


def within(*names: str) -> dict[str, Any]:
    return {"category": list(names)}


TUNED = (
    said("red boots under $200", "red boots", usd(lt=200)),
    said("linen shirt below 50 euros", "linen shirt", eur(lt=50)),
    said("cheaper than 30 usd", "", usd(lt=30)),
    said("a desk lamp cheaper than 40", "a desk lamp", price(lt=40)),
    said("headphones for less than £80", "headphones", gbp(lt=80)),
    said("rain jacket at most 120 EUR", "rain jacket", eur(lte=120)),
    said("up to $15 phone case", "phone case", usd(lte=15)),
    said("no more than 25 dollars", "", usd(lte=25)),
    said("backpack, max 60€", "backpack", eur(lte=60)),
    said("backpack max. 60 €, waterproof", "backpack, waterproof", eur(lte=60)),
    said("office chair $150 or less", "office chair", usd(lte=150)),
    said("toaster <= $35", "toaster", usd(lte=35)),
    said("toaster <$35", "toaster", usd(lt=35)),
    said("within a budget of 300 dollars: espresso machine", "espresso machine", usd(lte=300)),
    said("handbag over $500", "handbag", usd(gt=500)),
    said("watches above 1,000 CHF", "watches", price("CHF", gt=1000)),
    said("wine for more than 20 pounds sterling", "wine", gbp(gt=20)),
    said("sofas at least 800 eur", "sofas", eur(gte=800)),
    said("sofas from €800", "sofas", eur(gte=800)),
    said("tents starting at $90", "tents", usd(gte=90)),
    said("rings min 100 dollars", "rings", usd(gte=100)),
    said("rings $100 or more", "rings", usd(gte=100)),
    said("rings $100+", "rings", usd(gte=100)),
    said("lamp between 50 and 80 euros", "lamp", eur(gte=50, lte=80)),
    said("lamp $50-$80", "lamp", usd(gte=50, lte=80)),
    said("$50–80 lamp", "lamp", usd(gte=50, lte=80)),
    said("50 to 80 usd lamp", "lamp", usd(gte=50, lte=80)),
    said("lamp from 50 to 80 €", "lamp", eur(gte=50, lte=80)),
    said("lamp between 80 and 50 euros", "lamp", eur(gte=50, lte=80)),
    said("laptop $1-2k", "laptop", usd(gte=1000, lte=2000)),
    said("sneakers around $50", "sneakers", usd(gte=40, lte=60)),
    said("sneakers for about 100 euros", "sneakers", eur(gte=80, lte=120)),
    said("sneakers ~ 100€", "sneakers", eur(gte=80, lte=120)),
    said("mug exactly $20", "mug", usd(gte=20, lte=20)),
    said("mug for $20", "mug", usd(gte=20, lte=20)),
    said("mug priced at 12,50 €", "mug", eur(gte=12.5, lte=12.5)),
    said("poster price: 15 euros", "poster", eur(gte=15, lte=15)),
    said("price under 200 red boots", "red boots", price(lt=200)),
    said("red boots, price < 200", "red boots", price(lt=200)),
    said("a jacket that costs less than $100", "a jacket", usd(lt=100)),
    said("jacket costing no more than 100", "jacket", price(lte=100)),
    said("jacket which is under 100 dollars", "jacket", usd(lt=100)),
    said("jackets priced between 50 and 80", "jackets", price(gte=50, lte=80)),
    said("jackets in the price range 50-80", "jackets", price(gte=50, lte=80)),
    said("jackets with a price of at most 80", "jackets", price(lte=80)),
    said("my budget is 200 dollars, red boots", "red boots", usd(lte=200)),
    said("red boots on a $200 budget", "red boots", usd(lte=200)),
    said("red boots budget 200", "red boots", price(lte=200)),
    said("I want to spend at most 200 dollars on boots", "boots", usd(lte=200)),
    said("I don't want to pay more than $50 for a kettle", "a kettle", usd(lte=50)),
    said("kettle max price 50", "kettle", price(lte=50)),
    said("kettle, minimum price 20 eur", "kettle", eur(gte=20)),
    said("under two hundred dollars", "", usd(lt=200)),
    said("scarf under fifty bucks", "scarf", usd(lt=50)),
    said("scarf cheaper than a hundred", "scarf", price(lt=100)),
    said("scarf under twenty-five euros", "scarf", eur(lt=25)),
    said("bike between one hundred and two hundred dollars", "bike", usd(gte=100, lte=200)),
    said("bike over one hundred and twenty euros", "bike", eur(gt=120)),
    said("bike under two thousand five hundred dollars", "bike", usd(lt=2500)),
    said("bike under 2k dollars", "bike", usd(lt=2000)),
    said("bike under $1.5k", "bike", usd(lt=1500)),
    said("camera under 1.299,00 €", "camera", eur(lt=1299)),
    said("camera under $1,299.99", "camera", usd(lt=1299.99)),
    said("camera under 1 299 EUR", "camera", eur(lt=1299)),
    said("camera under 1'299 CHF", "camera", price("CHF", lt=1299)),
    said("camera under 1.299 euros", "camera", eur(lt=1299)),
    said("camera under EUR 1299", "camera", eur(lt=1299)),
    said("camera under 900 kr", "camera", price(lt=900)),
    said("camera under ¥90,000", "camera", price("JPY", lt=90000)),
    said("gloves under 20 quid", "gloves", gbp(lt=20)),
    said("gloves priced under 20 pounds", "gloves", gbp(lt=20)),
    said("gloves with a budget of 20 pounds", "gloves", gbp(lte=20)),
    said("over $50 and under $100 gloves", "gloves", usd(gt=50, lt=100)),
    said("gloves over 50 but under 100 dollars", "gloves", usd(gt=50, lt=100)),
    said("gloves not over $40", "gloves", usd(lte=40)),
    said("GLOVES UNDER $40!!", "GLOVES", usd(lt=40)),
    said("gloves\u00a0under\u2009$40.", "gloves", usd(lt=40)),
    said("gloves (under $40)", "gloves", usd(lt=40)),
    said("under $40 and made of wool", "made of wool", usd(lt=40)),
    said("wool gloves under $40 with a cuff", "wool gloves with a cuff", usd(lt=40)),
    said("show me wool gloves, under $40, in blue", "show me wool gloves, in blue", usd(lt=40)),
    said("blender at least 4 stars", "blender", stars(gte=4)),
    said("blender 4+ stars", "blender", stars(gte=4)),
    said("blender rated over 4.5", "blender", stars(gt=4.5)),
    said("blender 4 stars and up", "blender", stars(gte=4)),
    said("blender with a rating of at least 4", "blender", stars(gte=4)),
    said("five-star hotel", "hotel", stars(gte=5)),
    said("5 star blender under $60", "blender", stars(gte=5), usd(lt=60)),
    said("under $60, rated 4 or higher, blender", "blender", stars(gte=4), usd(lt=60)),
    said("blender below 3 stars", "blender", stars(lt=3)),
    said("red leather in shoes", "red leather", within("Shoes")),
    said("category: shoes red leather", "red leather", within("Shoes")),
    said("red leather in the shoes category", "red leather", within("Shoes")),
    said("in the Dress section, floral", "floral", within("Dresses")),
    said("something blue in dresses under $50", "something blue", within("Dresses"), usd(lt=50)),
    said("non-stick pan in home and kitchen", "non-stick pan", within("Home & Kitchen")),
    said("gifts for men in watches, at most 90 €", "gifts for men", within("Watch"), eur(lte=90)),
    said("woman from the shoes department", "woman", within("Shoes")),
    none("levi's 501 jeans"),
    none("laptop sleeve under 15 inches"),
    none("iphone 15 case"),
    none("boots size 42"),
    none("recipes under 30 minutes"),
    none("vest with more than 3 pockets"),
    none("top 10 board games"),
    none("canon 50mm lens"),
    none("boots under 200"),
    none("dumbbells under 5 pounds"),
    none("at least 20 pounds of rice"),
    none("woman in shoes"),
    none("a girl dancing in shoes"),
    none("dressed in dresses"),
    none("shoes"),
    none("in shoes like these"),
    none("rugs in leather"),
    none('"under $200"'),
    none("poster that says “under $200”"),
    none("over 100 under 50 dollars"),
    none("boots under $50 or over $500"),
    none("budget 4k tv"),
    none("budget 65 inch tv"),
    none("100 dollar bill print"),
    none("$50 gift card"),
    none("up to $50 off sneakers"),
    none("free shipping over $50"),
    none("6 in 1 screwdriver"),
    none("5 star wars figures"),
    none("flag with 50 stars"),
    none("necklace with 3 stars"),
    none("converse all star 70"),
    none("under armour shirt"),
    none("over the knee socks"),
    none("fuse rated over 5 amps"),
    none("lego 2 to 4 years"),
    none("between 2 and 4 people tent"),
    none("from 1950 to 1960 posters"),
    none("price tag gun"),
    none("cost of living book"),
    none("dollar sign necklace"),
    none("six million dollar man poster"),
    none("for 2 people"),
    none("seasoned cast iron pan 10-12 inch"),
    none("usb c 3.2 hub with at least 4 ports"),
    none("coffee under $20 per kg"),
    none("under 5k run shoes"),
    none("about time dvd"),
    none("windows 11 pro"),
    none("2,4 ghz mouse"),
    part("tent for 4 under $200", "tent for 4", usd(lt=200)),
    part("iphone 15 under 500 euros", "iphone 15", eur(lt=500)),
    part("levi's 501 size 32 under $80", "levi's 501 size 32", usd(lt=80)),
    part("laptop under 15 inches under $900", "laptop under 15 inches", usd(lt=900)),
    part('27" monitor under $300', '27" monitor', usd(lt=300)),
    part('"over 50" mug below 12 euros', '"over 50" mug', eur(lt=12)),
    part("man in shoes under $50", "man in shoes", usd(lt=50)),
    part("tv at least 50 inches for at most $700", "tv at least 50 inches", usd(lte=700)),
    part("5 star wars figures, at least 4 stars", "5 star wars figures", stars(gte=4)),
    part("dumbbells under 5 pounds below $20", "dumbbells under 5 pounds", usd(lt=20)),
)

HELD_OUT = (
    said("waterproof hiking boots less than 150 dollars", "waterproof hiking boots", usd(lt=150)),
    said("anything below £10", "anything", gbp(lt=10)),
    said("winter coat no more than €250", "winter coat", eur(lte=250)),
    said("Gaming mouse, up to 45 USD please", "Gaming mouse, please", usd(lte=45)),
    said("find me a sofa for under 1,000 dollars", "find me a sofa", usd(lt=1000)),
    said("perfume between £30 and £60", "perfume", gbp(gte=30, lte=60)),
    said("perfume 30€ - 60€", "perfume", eur(gte=30, lte=60)),
    said("between twenty and thirty dollars, blue vase", "blue vase", usd(gte=20, lte=30)),
    said("dress shirt (max $45)", "dress shirt", usd(lte=45)),
    said("earrings from 15 dollars", "earrings", usd(gte=15)),
    said("standing desk with price below 400", "standing desk", price(lt=400)),
    said("standing desk; costs at most 399.99", "standing desk", price(lte=399.99)),
    said("something around 20 bucks for a 5 year old", "something for a 5 year old",
         usd(gte=16, lte=24)),
    said("a gift worth at least $75", "a gift", usd(gte=75)),
    said("drill not more than 99 euro", "drill", eur(lte=99)),
    said("drill 99 euro max", "drill", eur(lte=99)),
    said("maximum budget 500 EUR road bike", "road bike", eur(lte=500)),
    said("road bike that is cheaper than five hundred euros", "road bike", eur(lt=500)),
    said("smartphone under ₹20,000", "smartphone", price("INR", lt=20000)),
    said("art print under CA$40", "art print", price("CAD", lt=40)),
    said("art print starting from 40 GBP", "art print", gbp(gte=40)),
    said("i can spend up to 2 grand on a laptop", "a laptop", price(lte=2000)),
    said("laptop > $800 and < $1200", "laptop", usd(gt=800, lt=1200)),
    said("laptop at least 800 and at most 1200 usd", "laptop", usd(gte=800, lte=1200)),
    said("keyboard $80 and under", "keyboard", usd(lte=80)),
    said("keyboard $80 & up", "keyboard", usd(gte=80)),
    said("Is there a tablet under 300 euros?", "Is there a tablet", eur(lt=300)),
    said("upwards of 100 dollars for a pen", "for a pen", usd(gte=100)),
    said("hotel rated at least 4.5 stars", "hotel", stars(gte=4.5)),
    said("4-star hotel", "hotel", stars(gte=4)),
    said("coffee maker with more than 4 stars", "coffee maker", stars(gt=4)),
    said("coffee maker four stars or more", "coffee maker", stars(gte=4)),
    said("coffee maker minimum rating 4", "coffee maker", stars(gte=4)),
    said("running in shoes category, below $70", "running", within("Shoes"), usd(lt=70)),
    said("puzzle in toys", "puzzle", within("Toys")),
    said("wireless earbuds in the electronics department", "wireless earbuds",
         within("Electronics")),
    said("category:toys wooden train under 30 eur", "wooden train", within("Toys"), eur(lt=30)),
    said("polo in men's clothing", "polo", within("Men's Clothing")),
    none("kids shoes over 5 years"),
    none("nike air max 90"),
    none("air max under armour"),
    none("at least 2 metres of fabric"),
    none("rope more than 50 m long"),
    none("bag less than 7 kg"),
    none("1000 piece puzzle"),
    none("less than zero poster"),
    none("two pound coin"),
    none("50 cent poster"),
    none("between the lines book"),
    none("from 0 to 100 candle set"),
    none("euro 2024 scarf"),
    none("woman smiling in shoes"),
    none("a bear in shoes"),
    none("kids in toys shop"),
    none("mug saying 'for $20'"),
    none("pen and paper for 20 students"),
    none("star shaped cookie cutter set of 3"),
    none("7 star chart posters"),
    none("print of a one hundred euro note"),
    none("save over $30 on shoes"),
    none("subscription under $10/month"),
    none("max 3 players"),
    none("gopro hero 12 around the world"),
    part("2 person tent under 4 kg below 150 euros", "2 person tent under 4 kg", eur(lt=150)),
    part("ssd at least 512 gb under $60", "ssd at least 512 gb", usd(lt=60)),
    part("50mm lens f1.8 for at most 200 chf", "50mm lens f1.8", price("CHF", lte=200)),
    part("set of 6 glasses up to 30 €", "set of 6 glasses", eur(lte=30)),
    part("children in dresses, under 25 dollars", "children in dresses", usd(lt=25)),
    part("book about 1984 under $15", "book about 1984", usd(lt=15)),
)  # fmt: skip
