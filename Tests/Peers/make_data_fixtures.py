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
    get_cosine_with_hard_restarts_schedule_with_warmup,
    get_cosine_with_min_lr_schedule_with_warmup,
    get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup,
)

from fixtures import VERSIONS, run, write_json

VERSIONS.update({"scikit-learn": sklearn.__version__, "scipy": scipy.__version__})


def schedule(name, steps, warmup, cycles=1, power=1.0, floor=0.0):
    """The factors that transformers gives, two steps past the end too: there the formulas differ most."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    make = {
        "linear": lambda: get_linear_schedule_with_warmup(optimizer, warmup, steps),
        "cosine": lambda: get_cosine_with_min_lr_schedule_with_warmup(optimizer, warmup, steps, min_lr_rate=floor)
        if floor
        else get_cosine_schedule_with_warmup(optimizer, warmup, steps),
        "cosine-restarts": lambda: get_cosine_with_hard_restarts_schedule_with_warmup(optimizer, warmup, steps, cycles),
        "polynomial": lambda: get_polynomial_decay_schedule_with_warmup(optimizer, warmup, steps, floor, power),
        "constant": lambda: get_constant_schedule_with_warmup(optimizer, warmup),
    }
    multiplier = make[name]().lr_lambdas[0]
    # With a floor, transformers' cosine rises again past the end; there is no step there.
    values = [float(multiplier(step)) for step in range(steps + (0 if floor else 2))]
    settings = {"cycles": cycles, "power": power, "floor": floor}
    return {"schedule": name, "steps": steps, "warmup_steps": warmup, "multipliers": values, **settings}


def warm_restarts(steps, cycles, growth):
    """The factors that PyTorch gives, as long as its cycles last."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    first = steps // sum(growth**cycle for cycle in range(cycles))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, first, growth)
    values = []
    for _ in range(steps):
        values.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"steps": steps, "cycles": cycles, "growth": growth, "multipliers": values}


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
    schedules = [schedule(name, *size) for name in ("linear", "cosine", "constant", "cosine-restarts") for size in sizes]
    schedules += [schedule("cosine-restarts", *size, cycles=cycles) for size in sizes for cycles in (2, 3)]
    # transformers divides by zero where the warm-up is all there is.
    sloped = [size for size in sizes if size[0] > size[1]]
    schedules += [schedule("polynomial", *size, power=power) for size in sloped for power in (1.0, 2.0, 0.5)]
    schedules += [schedule("polynomial", 37, 3, power=3.0, floor=0.05), schedule("cosine", 37, 3, floor=0.1)]
    restarts = [warm_restarts(30, 4, 2), warm_restarts(40, 4, 1), warm_restarts(39, 3, 3)]
    write_json(
        folder / "schedules.json", {"versions": VERSIONS, "schedules": schedules, "warm_restarts": restarts}
    )
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
