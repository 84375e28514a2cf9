"""Trains the demo model: python -m worker.demo_model.train draws, trains and saves the weights."""

import argparse
import logging
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from worker.demo_model.drawing import COLOURS, KINDS, PATTERNS, Thing
from worker.demo_model.lesson import Teacher, draw_lesson, random_thing
from worker.demo_model.model import (
    SIDE,
    build_model,
    build_tokenizer,
    normalise,
    save,
    whiten_patches,
)
from worker.demo_model.words import caption

log = logging.getLogger(__name__)

WEIGHTS = Path(__file__).parent / "weights"
FULL_VIEW = 0.85
"""The share of the steps after which training sees whole pictures instead of half their patches."""


@dataclass(frozen=True)
class Plan:
    """How long and how wide to train; the limit in seconds ends it early but keeps the schedule."""

    steps: int = 1800
    batch: int = 128
    pictures: int = 36_000
    seed: int = 7
    limit: float = math.inf


class Heads(nn.Module):
    """Throw-away classifiers that make the vision side name kind, colour and pattern."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kind = nn.Linear(width, len(KINDS))
        self.colour = nn.Linear(width, len(COLOURS))
        self.pattern = nn.Linear(width, len(PATTERNS))

    def loss(self, seen: torch.Tensor, things: list[Thing], kept: list[bool]) -> torch.Tensor:
        """The sum of the three cross-entropies; a picture with swapped colours has none."""
        palette = list(COLOURS)
        kinds = torch.tensor([KINDS.index(thing.kind) for thing in things])
        colours = torch.tensor(
            [palette.index(t.colour) if k else -100 for t, k in zip(things, kept, strict=True)]
        )
        patterns = torch.tensor([PATTERNS.index(thing.pattern) for thing in things])
        return (
            cross_entropy(self.kind(seen), kinds)
            + cross_entropy(self.colour(seen), colours)
            + cross_entropy(self.pattern(seen), patterns)
        )


def train(plan: Plan, out: Path) -> None:
    """Draw, train, and save a folder that CLIPModel and CLIPProcessor load."""
    torch.manual_seed(plan.seed)
    rng = random.Random(plan.seed)
    texts = [caption(random_thing(rng), rng).text for _ in range(min(20_000, plan.pictures * 2))]
    tokenizer = build_tokenizer(texts)
    model = build_model(tokenizer)
    lesson = draw_lesson(plan.pictures, SIDE, plan.seed)
    whiten_patches(model, normalise(lesson.pictures[:400]))
    log.info(
        "drew %d pictures; %d parameters", plan.pictures, sum(p.numel() for p in model.parameters())
    )
    _fit(model, tokenizer, Teacher(lesson, plan.seed + 1), plan)
    save(model, tokenizer, out)


def _fit(model: Any, tokenizer: Any, teacher: Teacher, plan: Plan) -> None:
    heads = Heads(model.config.vision_config.hidden_size)
    optimizers = _optimizers(model, heads)
    started = time.monotonic()
    model.train()
    for step in range(plan.steps):
        spent = time.monotonic() - started
        done = max(step / plan.steps, spent / plan.limit)
        if done >= 1:
            log.info("the time limit ended training after %d steps", step)
            break
        _set_rates(optimizers, done, step)
        loss: Any = _loss(model, tokenizer, heads, teacher, plan.batch, done < FULL_VIEW)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(100))
        if step % 25 == 0:
            log.info("step %d loss %.3f seconds %.0f", step, loss.item(), spent)


def _optimizers(model: Any, heads: Heads) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of both encoders, AdamW for all else."""
    matrices: list[nn.Parameter] = []
    rest = list(heads.parameters())
    for name, weight in model.named_parameters():
        inner = ".encoder." in name and weight.ndim == 2
        (matrices if inner else rest).append(weight)
    return [
        torch.optim.Muon(matrices, lr=8e-3, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=2e-3, weight_decay=0.01, betas=(0.9, 0.98)),
    ]


def _set_rates(optimizers: list[torch.optim.Optimizer], done: float, step: int) -> None:
    """A warm-up of 40 steps, then half a cosine down to a hundredth."""
    factor = min(1.0, (step + 1) / 40) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("first_lr", group["lr"]) * factor


def _loss(
    model: Any, tokenizer: Any, heads: Heads, teacher: Teacher, size: int, halved: bool
) -> torch.Tensor:
    pictures, texts, fits, things, kept = teacher.batch(size)
    tokens = tokenizer([t.text for t in texts], padding=True, truncation=True, return_tensors="pt")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = _see(model, normalise(pictures), halved)
        shown = model.visual_projection(seen)
        said = model.get_text_features(**tokens).pooler_output
    seen, shown, said = (
        seen.float(),
        normalize(shown.float(), dim=-1),
        normalize(said.float(), dim=-1),
    )
    scores = said @ shown.T * model.logit_scale.exp()
    return _many_right(scores, torch.from_numpy(fits)) + 0.5 * heads.loss(seen, things, kept)


def _see(model: Any, pixels: torch.Tensor, halved: bool) -> torch.Tensor:
    """The vision side's summary (N x 160), from all patches or from a random half of each."""
    vision = model.vision_model
    tokens = vision.embeddings(pixels)
    if halved:
        count, patches = tokens.shape[0], tokens.shape[1] - 1
        keep = torch.rand(count, patches).argsort(1)[:, : patches // 2] + 1
        index = torch.cat([torch.zeros(count, 1, dtype=torch.long), keep], 1)
        tokens = tokens.gather(1, index[:, :, None].expand(-1, -1, tokens.shape[2]))
    states = vision.encoder(inputs_embeds=vision.pre_layrnorm(tokens)).last_hidden_state
    summary: torch.Tensor = vision.post_layernorm(states[:, 0])
    return summary


def _many_right(scores: torch.Tensor, fits: torch.Tensor) -> torch.Tensor:
    """Softmax loss in both directions where several answers may be right, all equally so."""
    wanted = fits.float()
    by_text = -(wanted * scores.log_softmax(1)).sum(1) / wanted.sum(1)
    by_picture = -(wanted * scores.log_softmax(0)).sum(0) / wanted.sum(0)
    return (by_text.mean() + by_picture.mean()) / 2


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--steps", type=int, default=Plan.steps, help="optimizer steps (%(default)s)"
    )
    parser.add_argument(
        "--pictures", type=int, default=Plan.pictures, help="pictures to draw (%(default)s)"
    )
    parser.add_argument("--limit", type=float, default=Plan.limit, help="end after so many seconds")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder to write (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=Plan.seed, help="same seed, same drawings (%(default)s)"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    plan = Plan(options.steps, pictures=options.pictures, seed=options.seed, limit=options.limit)
    train(plan, options.out)


if __name__ == "__main__":
    main()
