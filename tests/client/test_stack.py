"""The command against the whole stack: imports that are cut off and go on, and everything beside."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sightline import Sightline

from db.embedded import Stack
from tests.client.conftest import Command, environment_for
from tests.client.counting import CountingProxy
from tests.client.drawn import picture, write
from worker.demo_model import sample_catalog, sample_manual

MANY = 600


def folder_of(path: Path, count: int, first: int = 0, size: tuple[int, int] = (96, 72)) -> Path:
    """A folder with so many pictures, in two folders below it."""
    for number in range(first, first + count):
        name = f"{('shoes', 'hats')[number % 2]}/thing-{number:04}.jpg"
        write(path, name, picture(number, size=size))
    return path


def imported(command: Command, source: Path, catalog: str, *more: str, code: int = 0) -> Any:
    """What an import tells a machine."""
    done = command("import", source, "--catalog", catalog, "--json", *more)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def weight(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.jpg"))


def begun(proxy: CountingProxy, source: Path, catalog: str, *before: str) -> subprocess.Popen[str]:
    """An import that runs, slowly, one upload at a time."""
    words = [*before, "import", str(source), "-c", catalog, "--uploads", "1"]
    return subprocess.Popen(
        [sys.executable, "-m", "sightline", *words],
        env=environment_for(proxy.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def items_in(stack: Stack, catalog: str) -> dict[str, Any]:
    with Sightline(stack.url) as server:
        return {item["id"]: item for item in server.items(catalog)}


def test_a_folder_becomes_items_and_the_second_time_nothing_is_sent(
    command: Command, proxy: CountingProxy, stack: Stack, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, 300)
    first = imported(command, folder, "first")
    assert (first["items"], first["succeeded"], first["failed"]) == (300, 300, 0)
    assert first["pictures_sent"] == 300 and first["bytes_sent"] == weight(folder)
    proxy.forget()
    again = command("import", folder, "--catalog", "first")
    assert again.returncode == 0 and "300 unchanged; 0 pictures" in again.stdout, again.stdout
    assert proxy.asked("POST") == proxy.asked("PATCH") == 0
    assert proxy.asked("GET", "/items?") == 3, "100 items a request"
    assert proxy.sent < 5_000
    found = items_in(stack, "first")
    assert found["hats:thing-0001.jpg"]["caption"] == "thing 0001"
    assert found["hats:thing-0001.jpg"]["category"] == "hats"


def test_a_killed_import_goes_on_with_what_is_missing_alone(
    command: Command, proxy: CountingProxy, stack: Stack, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, MANY)
    proxy.bytes_per_second = 600_000
    with begun(proxy, folder, "killed") as running, Sightline(stack.url) as server:
        until(lambda: [job for job in server.jobs(kind="import") if job["catalog"] == "killed"])
        running.kill()
        running.communicate()
    assert running.returncode == -signal.SIGKILL
    proxy.bytes_per_second = None
    time.sleep(0.5)  # what was on its way to the server arrives or is dropped
    proxy.forget()
    report = imported(command, folder, "killed")
    before = report["unchanged"]
    assert 0 < before < MANY, "it was killed in its middle"
    assert report["pictures_sent"] == MANY - before == report["succeeded"]
    assert proxy.sent < report["bytes_sent"] + 300 * report["pictures_sent"] + 20_000
    assert report["bytes_sent"] < weight(folder)
    assert len(items_in(stack, "killed")) == MANY
    assert imported(command, folder, "killed")["unchanged"] == MANY


def test_ctrl_c_says_how_far_it_came_and_the_same_command_goes_on(
    command: Command, proxy: CountingProxy, stack: Stack, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, MANY)
    proxy.bytes_per_second = 250_000
    with begun(proxy, folder, "stopped") as running, Sightline(stack.url) as server:
        until(lambda: [job for job in server.jobs(kind="import") if job["catalog"] == "stopped"])
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "run the same command again" in said and "Traceback" not in said
    proxy.bytes_per_second = None
    report = imported(command, folder, "stopped")
    assert report["unchanged"] + report["succeeded"] == MANY and report["unchanged"] > 0


def test_cuts_and_a_server_that_is_away_double_nothing(
    command: Command, proxy: CountingProxy, stack: Stack, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, 400)
    proxy.bytes_per_second = 400_000
    with begun(proxy, folder, "cut") as running:
        until(lambda: proxy.asked("POST", "/imports"))
        for _ in range(3):
            time.sleep(0.3)
            proxy.cut()
        proxy.refusing = True
        proxy.cut()
        time.sleep(1)
        proxy.flow()
        said, problems = running.communicate(timeout=60)
    assert running.returncode == 0, problems
    assert "400 items: 400 new or changed, 0 unchanged" in said
    with Sightline(stack.url) as server:
        jobs = [job for job in server.jobs(kind="import") if job["catalog"] == "cut"]
    assert sum(job["counts"]["total"] for job in jobs) == 400, "each item is in one job"
    assert len(items_in(stack, "cut")) == 400


def test_a_server_that_stays_away_ends_an_import_with_3_and_it_goes_on_later(
    command: Command, proxy: CountingProxy, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, 300, first=10_000)
    proxy.refusing = True
    away = command("--patience", "1", "import", folder, "-c", "away")
    assert away.returncode == 3 and "cannot be reached" in away.stderr
    proxy.flow()
    proxy.bytes_per_second = 300_000
    with begun(proxy, folder, "away", "--patience", "1") as running:
        until(lambda: proxy.asked("POST", "/imports") > 1)
        proxy.refusing = True
        proxy.cut()
        _, said = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "Stopped at item" in said and "Traceback" not in said
    proxy.flow()
    report = imported(command, folder, "away")
    assert report["unchanged"] + report["succeeded"] == 300 and report["unchanged"] > 0


def test_a_terminal_sees_how_far_it_is(proxy: CountingProxy, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 200, first=11_000)
    proxy.bytes_per_second = 300_000
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sightline", "import", str(folder), "-c", "seen"],
        env=environment_for(proxy.url), stdout=follower, stderr=follower, stdin=follower,
    ) as running:  # fmt: skip
        os.close(follower)
        said = b""
        with suppress(OSError):  # the terminal is gone when the program is
            while more := os.read(leader, 65536):
                said += more
        os.close(leader)
    assert running.returncode == 0
    words = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", said.decode())
    for shown in ("Sending", "Processed", "200/200", "200 new or changed"):
        assert shown in words, words[-2_000:]


def test_changes_alone_are_sent(
    command: Command, proxy: CountingProxy, stack: Stack, tmp_path: Path
) -> None:
    rows = [{"id": f"sku-{n}", "image": f"{n}.jpg", "name": f"Thing {n}", "price": n,
             "attributes": {"stars": n, "of": [1.5, None, "x"]}} for n in range(20)]  # fmt: skip
    for number in range(20):
        write(tmp_path, f"{number}.jpg", picture(3_000 + number))
    path = write(tmp_path, "manifest.jsonl", "\n".join(map(json.dumps, rows)))
    assert imported(command, path, "changes")["succeeded"] == 20
    assert imported(command, path, "changes")["unchanged"] == 20
    rows[3] |= {"price": "4.50 USD", "description": "Now in blue"}
    del rows[4]["name"]
    write(tmp_path, "5.jpg", picture(4_000))
    rows.append({"id": "sku-20", "text": "Only words"})
    write(tmp_path, "manifest.jsonl", "\n".join(map(json.dumps, rows)))
    proxy.forget()
    report = imported(command, path, "changes")
    told = {
        name: report[name]
        for name in ("items", "unchanged", "updated", "succeeded", "pictures_sent")
    }
    assert told == {"items": 21, "unchanged": 17, "updated": 2, "succeeded": 2, "pictures_sent": 1}
    assert proxy.asked("PATCH") == 2 and proxy.asked("POST", "/imports") == 1
    found = items_in(stack, "changes")
    assert (found["sku-3"]["price"], found["sku-3"]["currency"]) == (4.5, "USD")
    assert found["sku-3"]["attributes"] == {"stars": 3, "of": [1.5, None, "x"]}
    assert found["sku-4"]["name"] is None
    assert imported(command, path, "changes")["unchanged"] == 21


def test_a_few_items_of_a_large_catalog_are_asked_for_alone(
    command: Command, proxy: CountingProxy, tmp_path: Path
) -> None:
    imported(command, folder_of(tmp_path / "all", 301, first=5_000), "large")
    some = folder_of(tmp_path / "some", 2, first=5_000)
    write(some, "shoes/new.jpg", picture(9_999))
    proxy.forget()
    report = imported(command, some, "large")
    assert (report["unchanged"], report["succeeded"]) == (2, 1)
    assert proxy.asked("GET", "/items?") == 0 and proxy.asked("GET", "/items/") == 3


def test_what_fails_is_told_item_by_item_and_tried_again_the_next_time(
    command: Command, stack: Stack, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, 6, first=6_000)
    whole = picture(6_100)
    write(folder, "broken.jpg", whole[: len(whole) // 2])
    write(folder, "no.png", "words")
    done = command("import", folder, "--catalog", "failing", "--retry")
    assert done.returncode == 1, done.stderr
    assert "6 new or changed, 0 unchanged, 2 failed" in done.stdout
    assert "broken_image" in done.stdout and "unsupported_image" in done.stdout
    again = imported(command, folder, "failing", code=1)
    assert (again["unchanged"], again["failed"], again["pictures_sent"]) == (6, 2, 1)
    assert {one["item_id"]: one["code"] for one in again["failures"]} == {
        "broken.jpg": "broken_image", "no.png": "unsupported_image"}  # fmt: skip
    write(folder, "broken.jpg", whole)
    (folder / "no.png").unlink()
    mended = imported(command, folder, "failing")
    assert (mended["unchanged"], mended["succeeded"]) == (6, 1)
    assert len(items_in(stack, "failing")) == 7


def test_an_id_that_comes_twice_fails_once(command: Command, tmp_path: Path) -> None:
    path = write(tmp_path, "m.csv", "id,text\na,one\na,two\n")
    report = imported(command, path, "twice", code=1)
    assert (report["succeeded"], report["failed"]) == (1, 1)
    assert report["failures"][0]["code"] == "duplicate_id"
    assert report["failures"][0]["where"] == "line 3"


def test_a_feed_is_fetched_by_the_server_once(
    command: Command, proxy: CountingProxy, stack: Stack, site: str, tmp_path: Path
) -> None:
    rows = ["id\ttitle\timage link\tadditional image link\tprice",
            f"m1\tMug\thttp://{site}/0.jpg\thttp://{site}/1.jpg\t4.50 EUR",
            f"m2\tJug\thttp://{site}/2.jpg\t\t5 EUR",
            "m3\tGone\thttp://127.0.0.1:1/gone.jpg\t\t5 EUR"]  # fmt: skip
    path = write(tmp_path, "feed.tsv", "\n".join(rows))
    first = imported(command, path, "feed", code=1)
    assert (first["succeeded"], first["failed"]) == (3, 1)
    assert first["failures"][0]["item_id"] == "m3" and first["failures"][0]["code"] == "url_refused"
    found = items_in(stack, "feed")
    assert set(found) == {"m1", "m1.2", "m2"} and found["m1"]["currency"] == "EUR"
    write(tmp_path, "feed.tsv", "\n".join(rows[:3]))
    proxy.forget()
    assert imported(command, path, "feed")["unchanged"] == 3
    assert proxy.asked("POST") == 0
    assert imported(command, path, "feed", "--refetch")["unchanged"] == 3, "the server says so"
    assert proxy.asked("POST", "/imports") == 1


def test_no_wait_leaves_the_work_to_the_server(
    command: Command, stack: Stack, tmp_path: Path
) -> None:
    report = imported(command, folder_of(tmp_path, 30, first=7_000), "later", "--no-wait")
    assert report["pending"] + report["succeeded"] == 30 and report["failed"] == 0
    (job,) = report["jobs"]
    watched = command("jobs", "watch", job)
    assert watched.returncode == 0 and "30 succeeded" in watched.stdout


@pytest.fixture(scope="module")
def shop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog `shop` of 40 drawn products, and its folder."""
    folder = tmp_path_factory.mktemp("shop")
    sample_catalog.make_catalog(folder, 40)
    done = subprocess.run(
        [sys.executable, "-m", "sightline", "import", str(folder), "-c", "shop"],
        env=environment_for(stack.url), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def products(shop: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shop / "manifest.jsonl").read_text().splitlines()]


def test_search_finds_by_words_by_a_picture_and_from_an_item(command: Command, shop: Path) -> None:
    tie = products(shop)[0]
    words = command("search", tie["name"], "-c", "shop", "-n", "3")
    assert words.returncode == 0 and tie["id"] in words.stdout and "/image" in words.stdout
    priced = command("search", "something under $100", "-c", "shop")
    assert "Understood: “something” with" in priced.stdout
    by_picture = command("search", "--image", shop / tie["image"], "-c", "shop", "--json")
    hits = json.loads(by_picture.stdout)["hits"]
    assert hits[0]["item"]["id"] == tie["id"] and hits[0]["score"] > 0.99
    like = command("search", "--like", tie["id"], "-c", "shop", "-f", "price<50", "--json")
    found = json.loads(like.stdout)["hits"]
    assert found and all(hit["item"]["price"] < 50 for hit in found)
    nothing = command("search", "x", "-c", "shop", "-f", "category=nowhere")
    assert nothing.returncode == 0 and "Nothing was found" in nothing.stderr


def test_items_are_listed_shown_changed_and_deleted(
    command: Command, shop: Path, stack: Stack, tmp_path: Path
) -> None:
    listed = command("items", "-c", "shop", "-n", "100", "--json")
    assert len(listed.stdout.splitlines()) == 40
    item_id = products(shop)[5]["id"]
    done = command("items", "set", item_id, "-c", "shop", "price=1.25", "category=", "--json")
    assert json.loads(done.stdout)["price"] == 1.25 and json.loads(done.stdout)["category"] is None
    command("items", "picture", item_id, tmp_path / "p.jpg", "-c", "shop", "--thumbnail")
    assert (tmp_path / "p.jpg").read_bytes().startswith(b"\xff\xd8")
    assert command("items", "delete", item_id, "-c", "shop").returncode == 0
    gone = command("items", "show", item_id, "-c", "shop")
    assert gone.returncode == 2 and "not_found" in gone.stderr
    again = imported(command, shop, "shop")
    assert (again["succeeded"], again["unchanged"]) == (1, 39), "the next import brings it back"


def test_a_document_is_read_asked_and_not_sent_twice(
    command: Command, proxy: CountingProxy, tmp_path: Path
) -> None:
    manual = tmp_path / "pump.pdf"
    sample_manual.write(manual)
    first = command("import", manual, "-c", "manuals", "--tag", "pump")
    assert first.returncode == 0 and "6 pages became" in first.stdout, first.stderr
    proxy.forget()
    again = command("import", manual, "-c", "manuals", "--tag", "pump")
    assert "unchanged, nothing sent" in again.stdout and proxy.asked("POST") == 0
    asked = command("answer", "Which fuse protects the control board?", "-c", "manuals")
    assert asked.returncode == 0, asked.stderr
    assert "F2" in asked.stdout and "No model was asked" in asked.stderr
    assert "/v1/catalogs/manuals/items/pump.p4/image" in asked.stdout, "a link to the page"
    listed = command("documents", "-c", "manuals")
    assert "pump" in listed.stdout and "pump.pdf" in listed.stdout
    shown = json.loads(command("documents", "show", "pump", "-c", "manuals", "--json").stdout)
    assert shown["pages"] == 6 and shown["tags"] == ["pump"]
    broken = write(tmp_path, "broken.pdf", b"%PDF-1.7 nothing more")
    failed = command("import", broken, "-c", "manuals")
    assert failed.returncode == 1 and "broken_document" in failed.stderr
    assert command("documents", "delete", "pump", "-c", "manuals").returncode == 0


def test_an_answer_opens_as_a_page(
    command: Command, proxy: CountingProxy, shop: Path, tmp_path: Path
) -> None:
    browser = write(tmp_path, "browser", f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    environment = environment_for(proxy.url) | {"BROWSER": f"{browser} %s", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "sightline", "answer", products(shop)[0]["name"], "-c", "shop", "--open"],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "Opened" in done.stderr, done.stderr
    (page,) = tmp_path.glob("sightline-answer-*.html")
    assert (tmp_path / "opened").read_text().strip() == page.as_uri()
    assert "data:image/jpeg;base64," in page.read_text()


def test_evaluate_measures_ways_to_search(command: Command, shop: Path, tmp_path: Path) -> None:
    queries = [{"text": row["name"], "relevant": [row["id"]]} for row in products(shop)[10:16]]
    path = write(tmp_path, "q.jsonl", "\n".join(map(json.dumps, queries)))
    done = command(
        "evaluate", path, "-c", "shop", "--method", "image", "--method", "text", "-k", "5"
    )
    assert done.returncode == 0, done.stderr
    assert "nDCG@5" in done.stdout and "image over text" in done.stdout
    told = json.loads(command("evaluate", path, "-c", "shop", "--json").stdout)
    assert set(told["methods"]) == {"image", "caption", "text", "hybrid"}
    wrong = command("evaluate", write(tmp_path, "bad.jsonl", '{"text": "x"}'), "-c", "shop")
    assert wrong.returncode == 2 and "line 1" in wrong.stderr


def test_jobs_are_listed_shown_canceled_and_retried(
    command: Command, stack: Stack, tmp_path: Path
) -> None:
    folder = write(tmp_path, "a.jpg", picture(8_000)[:300]).parent
    report = imported(command, folder, "jobs", code=1)
    (job,) = report["jobs"]
    listed = command("jobs", "--kind", "import", "-c", "jobs")
    assert job in listed.stdout and "import" in listed.stdout
    shown = command("jobs", "show", job, "--failed")
    assert "broken_image" in shown.stdout and "a.jpg" in shown.stdout
    lines = command("jobs", "show", job, "--tasks", "--json").stdout.splitlines()
    assert json.loads(lines[0])["id"] == job and json.loads(lines[1])["status"] == "failed"
    assert command("jobs", "retry", job).returncode == 0
    watched = command("jobs", "watch", job)
    assert watched.returncode == 1 and "1 failed" in watched.stdout
    ended = command("jobs", "cancel", job)
    assert ended.returncode == 2 and "job_already_ended" in ended.stderr
    unknown = command("jobs", "show", "job_unknown")
    assert unknown.returncode == 2 and "not_found" in unknown.stderr


def test_catalogs_are_made_shown_and_deleted(command: Command) -> None:
    made = command("catalogs", "make", "short", "--description", "Not for long")
    assert made.returncode == 0 and "Not for long" in made.stdout
    assert "short" in command("catalogs").stdout
    assert json.loads(command("catalogs", "show", "short", "--json").stdout)["counts"]["items"] == 0
    asked = command("catalogs", "delete", "short", input="n\n")
    assert asked.returncode == 1 and "short" in command("catalogs").stdout
    assert command("catalogs", "delete", "short", "--yes").returncode == 0
    gone = command("items", "-c", "short")
    assert gone.returncode == 2 and "sightline catalogs" in gone.stderr


def test_the_memory_of_an_import_does_not_grow_with_its_folder(
    proxy: CountingProxy, stack: Stack, tmp_path: Path
) -> None:
    """100 MB of pictures; what is held is some batches of 4 MB, the program and its libraries."""
    folder = folder_of(tmp_path / "heavy", 10, first=20_000)
    for path in sorted(folder.rglob("*.jpg")):
        path.write_bytes(path.read_bytes() + os.urandom(10 * 1024**2))  # behind the picture's end
    script = (
        "import re, sys; from sightline.cli import main\n"
        "try: main(sys.argv[1:])\n"
        r"finally: print(re.findall(r'VmHWM:\s*(\d+) kB', open('/proc/self/status').read())[0])"
    )
    words = ["import", str(folder), "-c", "heavy", "--uploads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], env=environment_for(proxy.url),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 200 * 1024


def test_every_route_of_the_server_is_one_of_the_clients(stack: Stack) -> None:
    """What /openapi.json lists is what the client's methods can ask, and the other way round."""
    import httpx

    listed = httpx.get(f"{stack.url}/openapi.json").json()["paths"]
    routes = {(verb.upper(), path) for path, verbs in listed.items() if path.startswith("/v1/")
              for verb in verbs}  # fmt: skip
    seen: set[tuple[str, str]] = set()

    def note(request: httpx.Request) -> httpx.Response:
        seen.add((request.method, request.url.path))
        empty = {"data": [], "next": None, "id": "j", "status": "succeeded", "result": {}}
        return httpx.Response(200, json=empty)

    with Sightline("http://x", transport=httpx.MockTransport(note)) as client:
        ask_everything(client)
    names = {"{catalog}": "C", "{item}": "I", "{job}": "J", "{document}": "D", "{key}": "K",
             "{webhook}": "W", "{delivery}": "V"}  # fmt: skip
    for name, value in names.items():
        routes = {(verb, path.replace(name, value)) for verb, path in routes}
    assert seen == routes


def ask_everything(client: Sightline) -> None:
    """Call each method once."""
    client.catalogs(), client.catalog("C"), client.put_catalog("C"), client.delete_catalog("C")
    client.put_second_model("C", "m"), client.switch_model("C"), client.delete_second_model("C")
    list(client.items("C")), client.item("C", "I"), client.add_item("C", text="x")
    client.change_item("C", "I", name="x"), client.delete_item("C", "I"), client.picture("C", "I")
    client.documents("C"), client.document("C", "D"), client.delete_document("C", "D")
    client.add_document("C", __file__), client.import_bytes("C", b"x")
    client.search("C", text="x"), client.answer("C", "x"), client.caption("C")
    client.evaluate("C", []), client.embeddings(["x", b"y"])
    list(client.jobs()), client.job("J"), client.cancel("J"), client.retry("J")
    list(client.tasks("J", limit=1)), client.keys(), client.make_key(["read"])
    client.revoke_key("K"), client.webhooks(), client.add_webhook("https://x.example")
    client.webhook("W"), client.delete_webhook("W"), client.rotate_webhook("W")
    client.test_webhook("W"), client.deliveries("W"), client.replay_delivery("W", "V")
