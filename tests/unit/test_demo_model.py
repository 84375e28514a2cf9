"""The demo model: what it draws, the catalog it fills, how well it finds, and how it is trained."""

import io
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from worker.demo_model.drawing import BACKGROUNDS, COLOURS, KINDS, PATTERNS, Thing, all_things, draw
from worker.demo_model.sample_catalog import make_catalog, pack, pick_things
from worker.demo_model.words import captions, query, title

WEIGHTS = Path(__file__).parents[2] / "worker" / "demo_model" / "weights"


def test_the_same_seed_draws_the_same_picture() -> None:
    thing = Thing("jacket", "red", "striped", "wood")
    one, other = (draw(thing, random.Random(5), 96) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert one.size == (96, 96)
    assert draw(thing, random.Random(6), 96).tobytes() != one.tobytes()


@pytest.mark.parametrize("size", [64, 96, 320])
def test_every_kind_draws_at_every_size(size: int) -> None:
    for kind in KINDS:
        assert draw(Thing(kind, "green", "plain", "studio"), random.Random(1), size).size == (
            size,
            size,
        )


def test_kinds_colours_patterns_and_backgrounds_look_different() -> None:
    base = Thing("mug", "blue", "plain", "white")
    variants = [Thing(kind, base.colour, base.pattern, base.background) for kind in KINDS]
    variants += [Thing(base.kind, colour, "plain", "white") for colour in COLOURS]
    variants += [Thing(base.kind, base.colour, pattern, "white") for pattern in PATTERNS]
    variants += [Thing(base.kind, base.colour, "plain", place) for place in BACKGROUNDS]
    distinct = list(dict.fromkeys(variants))
    pictures = [draw(thing, random.Random(3), 96) for thing in distinct]
    for n, one in enumerate(pictures):
        for other in pictures[:n]:
            apart = ImageStat.Stat(ImageChops.difference(one, other).convert("L")).mean[0]
            assert apart > 1.0


def test_captions_follow_the_seed_and_name_the_thing() -> None:
    thing = Thing("umbrella", "orange", "checked", "outdoors")
    assert captions(thing, random.Random(2)) == captions(thing, random.Random(2))
    assert query(thing) == "an orange checked umbrella"
    assert title(Thing("shoe", "red", "plain", "white")) == "Red shoe"
    assert query(Thing("trousers", "grey", "striped", "white")) == "grey striped trousers"


def test_a_sample_catalog_is_complete(tmp_path: Path) -> None:
    manifest = make_catalog(tmp_path, count=60, size=64, seed=7)
    products = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert len({product["id"] for product in products}) == 60
    assert len({json.dumps(product["attributes"]) for product in products}) == 60
    for product in products:
        assert isinstance(product["price"], int | float)
        assert product["price"] > 0
        assert set(product) == {
            "id",
            "name",
            "image",
            "price",
            "currency",
            "category",
            "tags",
            "caption",
            "attributes",
        }
        with Image.open(tmp_path / product["image"]) as picture:
            assert (picture.format, picture.size) == ("JPEG", (64, 64))
    pack(manifest, tmp_path / "catalog.zip")
    with zipfile.ZipFile(tmp_path / "catalog.zip") as archive:
        assert len(archive.namelist()) == 61
        assert archive.read("manifest.jsonl") == manifest.read_bytes()


def test_the_same_seed_makes_the_same_catalog(tmp_path: Path) -> None:
    one, other = (make_catalog(tmp_path / name, count=5, size=48, seed=3) for name in "ab")
    assert one.read_bytes() == other.read_bytes()
    pictures = [(m.parent / "images" / "sku-0004.jpg").read_bytes() for m in (one, other)]
    assert pictures[0] == pictures[1]


def test_a_large_catalog_repeats_products_only_after_all_were_used() -> None:
    distinct = len({(t.kind, t.colour, t.pattern) for t in all_things()})
    things = pick_things(distinct, seed=1)
    assert len({(t.kind, t.colour, t.pattern) for t in things}) == distinct
    assert len(pick_things(distinct + 10, seed=1)) == distinct + 10


def test_drawing_a_catalog_never_loads_torch(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from worker.demo_model.sample_catalog import make_catalog;"
        f"make_catalog(pathlib.Path({str(tmp_path)!r}), 2, 48);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_catalog_command_teaches_its_use() -> None:
    command = [sys.executable, "-m", "worker.demo_model.sample_catalog", "--help"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "--zip" in told
    assert "examples:" in told


def test_the_shipped_weights_find_the_right_picture() -> None:
    from worker.demo_model.quality import evaluate

    figures = evaluate(WEIGHTS)
    assert figures["first"] >= 0.95
    assert figures["first_five"] >= 0.98


def test_random_weights_do_not() -> None:
    from worker.demo_model.quality import evaluate

    assert evaluate(WEIGHTS, random_weights=True)["first"] <= 0.2


def test_the_shipped_weights_are_small_and_readable() -> None:
    files = list(WEIGHTS.iterdir())
    assert {"model.safetensors", "config.json", "tokenizer.json", "MODEL_CARD.md"} <= {
        file.name for file in files
    }
    assert sum(file.stat().st_size for file in files) < 5_000_000
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in files)


def test_the_tokenizer_knows_every_byte_and_ends_where_the_model_looks() -> None:
    from transformers import AutoTokenizer, CLIPConfig

    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    config = CLIPConfig.from_pretrained(WEIGHTS).to_dict()
    ids = tokenizer("Grüße, 赤い靴 🙂 \x07", truncation=True)["input_ids"]
    end = tokenizer.eos_token_id
    assert config["text_config"]["eos_token_id"] == end != 2
    assert ids[0] == tokenizer.bos_token_id
    assert ids.index(end) == len(ids) - 1
    assert len(tokenizer("shoe " * 200, truncation=True)["input_ids"]) == 77


def test_two_steps_of_training_leave_a_model_that_loads(tmp_path: Path) -> None:
    import torch
    from transformers import CLIPModel

    from worker.demo_model.model import Encoder
    from worker.demo_model.train import Plan, train

    train(Plan(steps=2, batch=8, pictures=400, seed=1), tmp_path)
    model = CLIPModel.from_pretrained(tmp_path, dtype=torch.float32)
    assert model.config.projection_dim == 512
    encoder = Encoder(tmp_path)
    file = io.BytesIO()
    draw(Thing("boot", "red", "plain", "white"), random.Random(1), 200).save(file, "PNG")
    pictures, texts = encoder.pictures([Image.open(file)]), encoder.texts(["a boot", "a hat"])
    assert pictures.shape == (1, 512)
    assert texts.shape == (2, 512)
    assert abs(float((texts[0] ** 2).sum()) - 1) < 1e-4


def test_it_is_served_by_a_name_that_stays_when_the_folder_moves() -> None:
    from db.settings import Settings
    from worker.encoder import ClipEncoder

    (name,) = Settings(image_model="sightline-demo").image_models
    encoder = ClipEncoder.load(name)
    assert encoder.name == "sightline-demo" and encoder.dimensions == 512
    assert encoder.revision == ClipEncoder.load(str(WEIGHTS)).revision
