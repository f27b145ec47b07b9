"""Compares a tagging adapter of graft with PEFT and seqeval: the same entities in the same sentences, and the same scores."""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from graft import Graft, Report, add_options, read_rows, write_rows
from reference import Reference


@torch.no_grad()
def predicted(reference, adapter, rows):
    """A tag and its probability for each word of each sentence: graft's head file on the states that PEFT gives."""
    labels = json.loads((adapter / "head_config.json").read_text())["labels"]
    head = load_file(adapter / "head.safetensors")
    for row in rows:
        encoding = reference.tokenizer(row["tokens"], is_split_into_words=True, return_tensors="pt")
        states = reference.encoder(**encoding).last_hidden_state[0]
        logits = torch.nn.functional.linear(states, head["weight"].double(), head["bias"].double())
        scores, ids = logits.softmax(-1).max(-1)
        words = [("O", 0.0)] * len(row["tokens"])
        for token, word in reversed(list(enumerate(encoding.word_ids()))):
            if word is not None:
                words[word] = (labels[ids[token]], scores[token].item())
        yield words


def entities(words, tokens):
    """As graft prints them: offsets into the words with a space between each two, the mean score of the words."""
    starts = [sum(len(token) + 1 for token in tokens[:place]) for place in range(len(tokens))]
    for kind, first, last in get_entities([tag for tag, _ in words]):
        score = sum(score for _, score in words[first : last + 1]) / (last + 1 - first)
        yield kind, starts[first], starts[last] + len(tokens[last]), score


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("data", type=Path, help='.jsonl of {"tokens": […], "tags": […]}')
    parser.add_argument("--texts", type=int, default=500)
    add_options(parser)
    arguments = parser.parse_args()
    graft, report = Graft(arguments.graft), Report()
    limit = json.loads((arguments.adapter / "head_config.json").read_text())["max_tokens"]
    reference = Reference(arguments.model, arguments.adapter)
    # Longer sentences are read in windows, which transformers has no equal of.
    rows = [
        row
        for row in read_rows(arguments.data, arguments.texts)
        if len(reference.tokenizer(row["tokens"], is_split_into_words=True)["input_ids"]) <= limit
    ]
    expected = list(predicted(reference, arguments.adapter, rows))

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        write_rows(file, rows)
        options = ["--model", arguments.model, "--adapter", arguments.adapter, "--precision", "float32", "--quiet"]
        answers = [json.loads(line) for line in graft.run("predict", *options, "--input", file).splitlines()]
        scores = json.loads(graft.run("evaluate", *options, "--data", file, "--json"))

    different, found_scores, expected_scores = 0, [], []
    for row, words, answer in zip(rows, expected, answers, strict=True):
        wanted = list(entities(words, row["tokens"]))
        found = [(e["label"], e["start"], e["end"], e["score"]) for e in answer["entities"]]
        for entity in answer["entities"]:
            if answer["text"][entity["start"] : entity["end"]] != entity["text"]:
                raise SystemExit(f"{entity} is not where it says in {answer['text']!r}")
        if [entity[:3] for entity in found] != [entity[:3] for entity in wanted]:
            different += 1
            print("differs:", answer["text"], found, wanted)
            continue
        found_scores += [entity[3] for entity in found]
        expected_scores += [entity[3] for entity in wanted]
    print(f"entities: the same in {len(rows) - different} of {len(rows)} sentences")
    report.missed += different
    report.compare("their scores", torch.tensor(found_scores), torch.tensor(expected_scores))

    tags = [row["tags"] for row in rows]
    predictions = [[tag for tag, _ in words] for words in expected]
    figures = [function(tags, predictions) for function in (precision_score, recall_score, f1_score)]
    found = [scores[f"entity_{name}"] for name in ("precision", "recall", "f1")]
    report.compare("precision, recall and F1 by seqeval", torch.tensor(found), torch.tensor([float(f) for f in figures]))
    report.finish()


if __name__ == "__main__":
    main()
