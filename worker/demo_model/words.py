"""The words for drawn things: nouns, colours, patterns, places, and captions that say some of them."""

import random
from dataclasses import dataclass

from worker.demo_model.drawing import KINDS, Thing

NOUNS: dict[str, tuple[str, ...]] = {
    "shoe": ("shoe", "sneaker", "trainer", "running shoe", "shoes", "sneakers"),
    "boot": ("boot", "boots", "winter boot", "leather boots"),
    "sandal": ("sandal", "sandals", "summer sandal"),
    "high heel": ("high heel", "high heels", "stiletto", "pump"),
    "jacket": ("jacket", "coat", "blazer", "leather jacket", "jackets"),
    "t-shirt": ("t-shirt", "tee", "shirt", "tshirt", "top"),
    "trousers": ("trousers", "pants", "jeans"),
    "dress": ("dress", "gown", "summer dress", "dresses"),
    "hat": ("hat", "fedora", "hats"),
    "scarf": ("scarf", "shawl", "wool scarf"),
    "sock": ("sock", "socks", "stocking"),
    "tie": ("tie", "necktie", "silk tie"),
    "mug": ("mug", "cup", "coffee mug", "coffee cup"),
    "teapot": ("teapot", "tea pot", "kettle"),
    "bowl": ("bowl", "soup bowl", "salad bowl"),
    "bottle": ("bottle", "water bottle", "flask"),
    "frying pan": ("frying pan", "pan", "skillet"),
    "chair": ("chair", "seat", "dining chair", "chairs"),
    "table": ("table", "desk", "dining table"),
    "sofa": ("sofa", "couch", "settee"),
    "lamp": ("lamp", "table lamp", "light"),
    "bed": ("bed", "single bed"),
    "bookcase": ("bookcase", "bookshelf", "shelf of books"),
    "clock": ("clock", "wall clock"),
    "vase": ("vase", "flower vase", "vase of flowers"),
    "cushion": ("cushion", "pillow"),
    "guitar": ("guitar", "acoustic guitar"),
    "piano": ("piano", "keyboard"),
    "drum": ("drum", "snare drum", "drums"),
    "trumpet": ("trumpet", "horn"),
    "umbrella": ("umbrella", "parasol", "rain umbrella"),
    "backpack": ("backpack", "rucksack", "school bag"),
    "handbag": ("handbag", "purse", "leather handbag"),
    "suitcase": ("suitcase", "luggage", "trolley case"),
    "tent": ("tent", "camping tent"),
    "bicycle": ("bicycle", "bike", "city bike"),
    "car": ("car", "automobile", "small car"),
    "boat": ("boat", "sailing boat", "sailboat"),
    "ball": ("ball", "toy ball", "beach ball"),
    "book": ("book", "notebook", "novel"),
    "camera": ("camera", "photo camera"),
    "glasses": ("glasses", "eyeglasses", "spectacles"),
    "bar chart": ("bar chart", "bar graph", "column chart"),
    "pie chart": ("pie chart", "pie graph"),
    "line chart": ("line chart", "line graph", "trend line"),
    "circuit diagram": ("circuit diagram", "circuit", "wiring diagram", "schematic"),
    "flow chart": ("flow chart", "flowchart", "process diagram"),
    "slide": ("slide", "presentation slide", "slide with bullet points"),
    "x-ray": ("x-ray", "chest x-ray", "radiograph", "xray"),
    "map": ("map", "street map", "map with a pin"),
}
CATEGORIES: dict[str, tuple[str, ...]] = {
    "shoes": KINDS[0:4],
    "clothing": KINDS[4:12],
    "kitchen": KINDS[12:17],
    "furniture": KINDS[17:23],
    "decoration": KINDS[23:26],
    "music": KINDS[26:30],
    "bags": ("backpack", "handbag", "suitcase"),
    "leisure": ("umbrella", "tent", "bicycle", "car", "boat", "ball", "book", "camera", "glasses"),
    "documents": KINDS[42:],
}
CATEGORY_OF = {kind: name for name, kinds in CATEGORIES.items() for kind in kinds}
_GROUPS: dict[tuple[str, ...], tuple[str, ...]] = {
    CATEGORIES["shoes"]: ("footwear", "something for the feet"),
    CATEGORIES["clothing"]: ("clothing", "clothes", "something to wear"),
    CATEGORIES["kitchen"]: ("kitchenware", "kitchen things"),
    CATEGORIES["furniture"]: ("furniture", "home furniture"),
    CATEGORIES["music"]: ("musical instrument", "music instrument"),
    CATEGORIES["bags"]: ("bag", "luggage or bag"),
    CATEGORIES["documents"]: ("document", "figure", "page on paper"),
    ("bar chart", "pie chart", "line chart"): ("chart", "graph", "statistics"),
    ("circuit diagram", "flow chart"): ("diagram", "technical drawing"),
}
_COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("scarlet", "crimson"),
    "orange": ("tangerine",),
    "yellow": ("golden", "lemon"),
    "green": ("emerald",),
    "turquoise": ("teal", "cyan"),
    "blue": ("navy", "royal blue"),
    "purple": ("violet",),
    "pink": ("rose", "light pink"),
    "brown": ("chocolate", "dark brown"),
    "black": ("jet black",),
    "white": ("ivory", "snow white"),
    "grey": ("gray", "silver"),
}
_PATTERNS: dict[str, tuple[str, ...]] = {
    "plain": ("plain", "unpatterned", "solid"),
    "striped": ("striped", "stripy", "stripes"),
    "dotted": ("dotted", "polka dot", "spotted"),
    "checked": ("checked", "checkered", "plaid"),
}
_WITH = {"striped": "stripes", "dotted": "dots", "checked": "checks"}
PLACES: dict[str, tuple[str, ...]] = {
    "white": ("on a white background", "on white"),
    "studio": ("in a studio", "on a grey background"),
    "wood": ("on a wooden table", "on wood"),
    "outdoors": ("outdoors", "on grass under the sky", "outside"),
}
_OPENERS = (
    "",
    "",
    "",
    "",
    "a photo of ",
    "a picture of ",
    "an image of ",
    "a drawing of ",
    "show me ",
    "i am looking for ",
    "find ",
    "i want ",
    "here is ",
    "which one is ",
    "photos of ",
)
_ENDINGS = (
    "",
    "",
    "",
    "",
    "",
    "",
    " for sale",
    " please",
    " under $200",
    ", new",
    " for my home",
    " in good condition",
    " with a low price",
    " as a gift",
    "?",
)
_FILLERS = ("new", "nice", "cheap", "small", "big", "leather", "cotton", "modern", "old", "simple")


@dataclass(frozen=True)
class Caption:
    """A text and what it claims; None where it leaves a thing's property open."""

    text: str
    kinds: tuple[str, ...] | None
    colour: str | None
    pattern: str | None
    background: str | None


def query(thing: Thing) -> str:
    """The plain question for a thing, such as "a red striped jacket"; plainness goes unsaid."""
    pattern = "" if thing.pattern == "plain" else f"{thing.pattern} "
    return _with_article(f"{thing.colour} {pattern}{thing.kind}")


def title(thing: Thing) -> str:
    """A product's name, such as "Red striped jacket"."""
    pattern = "" if thing.pattern == "plain" else f"{thing.pattern} "
    return f"{thing.colour} {pattern}{thing.kind}".capitalize()


def captions(thing: Thing, rng: random.Random) -> list[str]:
    """Three texts that are true of a thing, each saying more or less of it."""
    return [caption(thing, rng).text for _ in range(3)]


def caption(thing: Thing, rng: random.Random, says_colour: bool = True) -> Caption:
    """One text that is true of a thing, with synonyms, filler and now and then a slip."""
    roll = rng.random()
    colour = thing.colour if says_colour and roll < 0.88 else None
    pattern = thing.pattern if rng.random() < (0.35 if thing.pattern == "plain" else 0.8) else None
    background = thing.background if rng.random() < 0.2 else None
    kinds: tuple[str, ...] | None = (thing.kind,)
    noun = rng.choice(NOUNS[thing.kind]) if rng.random() < 0.5 else thing.kind
    if rng.random() < 0.08:
        kinds, noun = _group(thing.kind, rng)
    words = _describe(noun, colour, pattern, rng)
    if background is not None:
        words += f" {rng.choice(PLACES[background])}"
    if rng.random() < 0.5:
        words = rng.choice(_OPENERS) + words + rng.choice(_ENDINGS)
    return Caption(_slip(words, rng), kinds, colour, pattern, background)


def _group(kind: str, rng: random.Random) -> tuple[tuple[str, ...] | None, str]:
    """A wider word for a kind, with all the kinds it means; `thing` means any."""
    wider = [(kinds, words) for kinds, words in _GROUPS.items() if kind in kinds]
    if not wider:
        return None, "thing"
    kinds, words = rng.choice(wider)
    return kinds, rng.choice(words)


def _describe(noun: str, colour: str | None, pattern: str | None, rng: random.Random) -> str:
    said = ""
    if colour is not None:
        said = rng.choice(_COLOURS[colour]) if rng.random() < 0.15 else colour
    marked = "" if pattern is None else _PATTERNS[pattern][0]
    if pattern is not None and rng.random() < 0.3:
        marked = rng.choice(_PATTERNS[pattern])
    filler = rng.choice(_FILLERS) if rng.random() < 0.12 else ""
    form = rng.random()
    if form < 0.1 and said:
        return _with_article(_join(filler, marked, noun)) + f" in {said}"
    if form < 0.2 and pattern in _WITH:
        return _with_article(_join(filler, said, noun)) + f" with {_WITH[pattern]}"
    order = (marked, said) if pattern == "plain" or form > 0.9 else (said, marked)
    phrase = _join(filler, *order, noun)
    return phrase if form > 0.75 else _with_article(phrase)


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


def _with_article(phrase: str) -> str:
    """Put a or an before a phrase, unless it ends in a plural."""
    if phrase.endswith("s") and not phrase.endswith("ss"):
        return phrase
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _slip(text: str, rng: random.Random) -> str:
    """Swap, drop or double a letter in one text of fourteen."""
    if rng.random() > 0.07 or len(text) < 6:
        return text
    at = rng.randrange(1, len(text) - 2)
    return rng.choice(
        (
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
        )
    )
