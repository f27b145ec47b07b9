"""Makes Tests/Fixtures/data: learning-rate schedules of transformers, classification scores of scikit-learn."""

import random

import scipy
import sklearn
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from fixtures import VERSIONS, run, write_json

VERSIONS.update({"scikit-learn": sklearn.__version__, "scipy": scipy.__version__})


def schedule(name, steps, warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    make = {
        "linear": lambda: get_linear_schedule_with_warmup(optimizer, warmup, steps),
        "cosine": lambda: get_cosine_schedule_with_warmup(optimizer, warmup, steps),
        "constant": lambda: get_constant_schedule_with_warmup(optimizer, warmup),
    }
    multiplier = make[name]().lr_lambdas[0]
    # Two steps past the end too: there the formulas differ most.
    values = [float(multiplier(step)) for step in range(steps + 2)]
    return {"schedule": name, "steps": steps, "warmup_steps": warmup, "multipliers": values}


def scores(name, labels, targets, predictions):
    ids = list(range(len(labels)))
    precision, recall, f1, support = precision_recall_fscore_support(targets, predictions, labels=ids, zero_division=0)
    correct = sum(t == p for t, p in zip(targets, predictions))
    interval = binomtest(correct, len(targets)).proportion_ci(confidence_level=0.95, method="wilson")
    return {
        "name": name,
        "labels": labels,
        "targets": targets,
        "predictions": predictions,
        "confusion": confusion_matrix(targets, predictions, labels=ids).tolist(),
        "accuracy": accuracy_score(targets, predictions),
        "interval": [interval.low, interval.high],
        "macro_f1": f1_score(targets, predictions, average="macro", zero_division=0),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
    }


def noisy(count, labels, share, seed):
    source = random.Random(seed)
    targets = [source.randrange(labels) for _ in range(count)]
    return targets, [t if source.random() > share else source.randrange(labels) for t in targets]


def make(folder):
    sizes = [(1, 0), (10, 0), (10, 1), (37, 3), (20, 20), (12, 15)]
    schedules = [schedule(name, *size) for name in ("linear", "cosine", "constant") for size in sizes]
    write_json(folder / "schedules.json", {"versions": VERSIONS, "schedules": schedules})
    cases = [
        scores("five classes with noise", ["a", "b", "c", "d", "e"], *noisy(60, 5, 0.3, 1)),
        scores("two classes", ["negative", "positive"], *noisy(41, 2, 0.4, 2)),
        scores("all right", ["x", "y", "z"], [0, 1, 2, 2], [0, 1, 2, 2]),
        scores("all wrong", ["x", "y"], [0, 1, 0], [1, 0, 1]),
        scores("a class never predicted", ["x", "y", "z"], [0, 1, 2, 2], [0, 1, 1, 0]),
        scores("a class predicted that is never true", ["x", "y", "z"], [0, 0, 1, 1], [0, 2, 1, 2]),
        scores("a class neither true nor predicted", ["x", "y", "z"], [0, 0, 2, 2], [0, 2, 2, 2]),
        scores("one example", ["x", "y"], [1], [1]),
    ]
    write_json(folder / "classification.json", {"versions": VERSIONS, "cases": cases})


if __name__ == "__main__":
    run(make, "data")
