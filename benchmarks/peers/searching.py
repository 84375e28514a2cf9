"""Vectors at scale beside chromadb: written until findable, then searched by two clients at once."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import children
from benchmarks.peers.children import Asked, Clients
from benchmarks.peers.made import KINDS, Kind, Shop, shop
from benchmarks.peers.ours import EXACT, Store, store
from benchmarks.report import Figure, at_least

COUNT, QUERIES, ROUNDS, SECONDS = 100_000, 200, 3, 2.0
RECALL = 0.999
OUR_EFS = (100, 200, 300, 400, 600, 800, 1_000, EXACT)
CHROMA_EFS = (50, 100, 200, 400, 800, 1_600, 3_200)
TARGETS = {"by picture": 1, "by words": 1, "category of 1 %": 20, "category of 10 %": 20,
           "price range of 10 %": 50}  # fmt: skip
"""Times chromadb's searches a second."""
WRITTEN = 5
CHROMA = "chroma"
"""Its folder in the shop's."""
QUICK = tuple(kind for kind in KINDS if kind.name in ("by words", "price range of 10 %"))


def run(quick: bool) -> Iterator[Figure]:
    """100,000 made-up vectors of 512 with category and price, chromadb's own index beside ours."""
    count, queries = (20_000, 60) if quick else (COUNT, QUERIES)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder, store() as kept:
        made = shop(Path(folder), count, queries)
        yield from written(made, kept)
        if quick:
            yield from Bench(made, kept.database.url, QUICK, 1, 0.5).figures()
        else:
            yield from Bench(made, kept.database.url, KINDS, ROUNDS, SECONDS).figures()


def written(made: Shop, kept: Store) -> list[Figure]:
    """Rows a second: ours before and after chromadb's; at last both hold everything, indexed."""
    count = len(made.vectors)
    ours = [count / kept.fill(made)]
    kept.empty()
    found = children.peer("benchmarks.peers.chroma", "add", str(made.folder / CHROMA), "--folder",
                          str(made.folder), "--count", str(count))  # fmt: skip
    ours.append(count / kept.fill(made))
    rate, theirs = statistics.median(ours), count / found["seconds"]
    indexed = 1 / (1 / rate + kept.index() / count)
    add = f"chromadb {found['version']}, {found['batch']:,} an add"
    return [
        Figure(f"written until findable: {add}", theirs, "rows/s"),
        Figure("written until findable: Sightline, items and vectors", rate, "rows/s"),
        at_least("written: Sightline / chromadb", rate / theirs, WRITTEN),
        Figure("written and indexed, too: Sightline / chromadb", indexed / theirs, ""),
    ]


@dataclass(frozen=True)
class Bench:
    """Both sides, filled and indexed."""

    shop: Shop
    url: str
    kinds: Sequence[Kind]
    rounds: int
    seconds: float

    @property
    def place(self) -> str:
        """chromadb's folder."""
        return str(self.shop.folder / CHROMA)

    def figures(self) -> Iterator[Figure]:
        """Of each kind of search; ours with what brings the recall for it, chromadb's likewise."""
        for queries in dict.fromkeys(kind.queries for kind in self.kinds):
            kinds = [kind for kind in self.kinds if kind.queries == queries]
            ef = self._reaching(kinds[0])
            theirs = children.chroma_clients(self.place, ef, 2)
            for kind in kinds:
                mine = self._fastest(kind)
                ours = children.our_clients(self.url, mine, 2)
                yield from self._beside(kind, ours, theirs, f"ef {mine or 'all'}", f"ef {ef}")
                ours.stop()
            theirs.stop()
            yield from self._by_server(kinds[0], ef)

    def _reaching(self, kind: Kind) -> int:
        """The fewest of chromadb's candidates that bring the recall; the most where none do."""
        for ef in CHROMA_EFS:
            asked = self._once(kind, children.chroma_clients(self.place, ef, 1))
            if self.shop.recall(kind, asked.found) >= RECALL:
                break
        return ef

    def _fastest(self, kind: Kind) -> int:
        """The fewest of our candidates that bring the recall, or all where that is faster."""
        for ef in OUR_EFS:
            asked = self._once(kind, children.our_clients(self.url, ef, 1))
            if self.shop.recall(kind, asked.found) >= RECALL:
                break
        if ef == EXACT or not kind.sightline:
            return ef
        every = self._once(kind, children.our_clients(self.url, EXACT, 1))
        return EXACT if every.rate > asked.rate else ef

    def _once(self, kind: Kind, clients: Clients) -> Asked:
        """Each query once, and no more of these clients."""
        asked = clients.ask(self.shop.file(kind), kind.sightline)
        clients.stop()
        return asked

    def _beside(
        self, kind: Kind, ours: Clients, theirs: Clients, our_ef: str, their_ef: str
    ) -> Iterator[Figure]:
        """Turn by turn; chromadb's clients once as two processes and once as two threads of one."""
        one = Clients(theirs.processes[:1])
        queries = self.shop.file(kind)
        mine, processes, threads = [], [], []
        for _ in range(self.rounds):
            processes.append(theirs.ask(queries, kind.chroma, self.seconds))
            mine.append(ours.ask(queries, kind.sightline, self.seconds))
            threads.append(one.ask(queries, kind.chroma, self.seconds, threads=2))
        best = max(processes, threads, key=_rate)
        way = "processes" if best is processes else "threads"
        yield Figure(f"{kind.name}: chromadb, {their_ef}, two {way}", _rate(best), "searches/s")
        yield Figure(f"{kind.name}: chromadb, recall@10", self._recall(kind, best), "")
        yield Figure(f"{kind.name}: Sightline, {our_ef}", _rate(mine), "searches/s")
        yield at_least(f"{kind.name}: Sightline, recall@10", self._recall(kind, mine), RECALL)
        ratio, what = _rate(mine) / _rate(best), f"{kind.name}: Sightline / chromadb"
        target = TARGETS.get(kind.name)
        yield Figure(what, ratio, "") if target is None else at_least(what, ratio, target)

    def _by_server(self, kind: Kind, ef: int) -> Iterator[Figure]:
        """chromadb behind its own server, as Sightline is behind Postgres."""
        with children.chroma_server(self.place) as port:
            clients = children.chroma_clients(port, ef, 2)
            asked = clients.ask(self.shop.file(kind), kind.chroma, self.seconds)
            clients.stop()
        yield Figure(f"{kind.name}: chromadb's server, two clients", asked.rate, "searches/s")

    def _recall(self, kind: Kind, rounds: Sequence[Asked]) -> float:
        found = {row: ids for asked in rounds for row, ids in asked.found.items()}
        return self.shop.recall(kind, found)


def _rate(rounds: Sequence[Asked]) -> float:
    return statistics.median(asked.rate for asked in rounds)
