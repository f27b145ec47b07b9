"""Makes Tests/Fixtures/losses: values and gradients of every loss, and every metric on random answers, from the field's own packages."""

import json
import random
import warnings
from importlib.metadata import version

import numpy as np
import scipy.stats
import torch
import torch.nn.functional as F
from seqeval.metrics import classification_report, f1_score as entity_f1, precision_score, recall_score
from seqeval.scheme import IOB2, IOBES, Entities
from sentence_transformers.sentence_transformer.evaluation import (
    EmbeddingSimilarityEvaluator,
    InformationRetrievalEvaluator,
    TripletEvaluator,
)
from sentence_transformers.sentence_transformer.losses import (
    CosineSimilarityLoss,
    MultipleNegativesRankingLoss,
    TripletLoss,
)
from sentence_transformers.sentence_transformer.losses.triplet import TripletDistanceMetric
from sentence_transformers.util import cos_sim
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight

from fixtures import VERSIONS, run

VERSIONS.update({name: version(name) for name in ("sentence-transformers", "scikit-learn", "scipy", "seqeval")})


def make(root):
    """Makes Tests/Fixtures/losses."""
    root.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(5)
    write(root / "classes.json", list(class_cases(generator)))
    write(root / "labels.json", list(label_cases(generator)))
    write(root / "numbers.json", list(number_cases(generator)))
    write(root / "similarity.json", list(similarity_cases(generator)))
    write(root / "weights.json", list(weight_cases()))
    source = np.random.default_rng(3)
    write(root / "metrics.json", list(metric_cases(source)))
    write(root / "ranking.json", list(ranking_cases(source)))
    write(root / "strict.json", list(strict_cases()))


def write(path, cases):
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f'{{"versions": {json.dumps(VERSIONS)}, "cases": [\n{lines}\n]}}\n')


def drawn(generator, *shape, scale=1.0):
    """Numbers that are exact in float32, in float64 for the computation."""
    return (scale * torch.randn(*shape, generator=generator)).double().requires_grad_()


def case(name, x, loss, **inputs):
    (gradient,) = torch.autograd.grad(loss, x)
    return {"name": name, "x": x.tolist(), "loss": loss.item(), "gradient": gradient.tolist(), **inputs}


# MARK: Losses


def class_cases(generator):
    """Cross-entropy as torch has it, and the focal loss of Lin et al. by its formula."""
    targets = torch.tensor([2, 0, -100, 1, 2, 2, 0])
    weights = torch.tensor([0.5, 2.0, 1.25, 3.0])
    for smoothing in (0.0, 0.1, 0.5):
        for weight in (None, weights):
            x = drawn(generator, len(targets), 4, scale=2)
            doubles = None if weight is None else weight.double()
            loss = F.cross_entropy(x, targets, weight=doubles, label_smoothing=smoothing, ignore_index=-100)
            yield class_case(f"smoothing {smoothing}, {weight is not None}", x, loss, targets, weight, smoothing, None)
    for gamma in (0.0, 0.5, 1.0, 2.0, 5.0):
        for weight in (None, weights):
            x = drawn(generator, len(targets), 4, scale=4)
            kept = targets >= 0
            w = torch.ones(4).double() if weight is None else weight.double()
            log_p = F.log_softmax(x[kept], dim=1).gather(1, targets[kept, None])[:, 0]
            terms = w[targets[kept]]
            loss = (terms * (1 - log_p.exp()) ** gamma * -log_p).sum() / terms.sum()
            yield class_case(f"focal {gamma}, {weight is not None}", x, loss, targets, weight, 0.0, gamma)


def class_case(name, x, loss, targets, weight, smoothing, gamma):
    return case(
        name, x, loss, targets=[None if t < 0 else t for t in targets.tolist()],
        weights=None if weight is None else weight.tolist(), smoothing=smoothing, gamma=gamma,
    )  # fmt: skip


def label_cases(generator):
    """Binary cross-entropy as torch has it, and its focal form."""
    y = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1.0]]).double()
    for gamma in (None, 0.0, 0.5, 2.0):
        for weight in (None, torch.tensor([0.25, 4.0, 1.5])):
            x = drawn(generator, 5, 3, scale=3)
            w = None if weight is None else weight.double()
            costs = F.binary_cross_entropy_with_logits(x, y, pos_weight=w, reduction="none")
            if gamma is not None:
                p = torch.sigmoid(x)
                costs = costs * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
            targets = [[i for i, flag in enumerate(row) if flag] for row in y.tolist()]
            weights = None if weight is None else weight.tolist()
            yield case(f"gamma {gamma}", x, costs.mean(), targets=targets, weights=weights, gamma=gamma)
    x = torch.tensor([[60.0, -60.0], [-60.0, 60.0]]).double().requires_grad_()
    loss = F.binary_cross_entropy_with_logits(x, torch.tensor([[1, 0], [1, 0.0]]).double())
    yield case("far from 0", x, loss, targets=[[0], [0]], weights=None, gamma=None)


def number_cases(generator):
    x, y = drawn(generator, 6, 1, scale=3), drawn(generator, 6, scale=3).detach()
    yield case("squared error", x, F.mse_loss(x[:, 0], y), targets=y.tolist())


def similarity_cases(generator):
    """sentence-transformers' losses on given embeddings; rows in the order first, second, negative of each example."""
    for width, examples in ((5, 4), (3, 7)):
        for negatives in (False, True):
            for scale in (20.0, 1.0):
                x = drawn(generator, examples, 3 if negatives else 2, width)
                loss = MultipleNegativesRankingLoss(None, scale=scale)
                value = loss.compute_loss_from_embeddings(list(x.unbind(1)), None)
                yield similarity_case("ranking", x, value, scale=scale)
        x, scores = drawn(generator, examples, 2, width), torch.rand(examples, generator=generator)
        value = CosineSimilarityLoss(None).compute_loss_from_embeddings(list(x.unbind(1)), scores)
        # The class computes in the scores' own precision.
        value = F.mse_loss(torch.cosine_similarity(x[:, 0], x[:, 1]), scores.double())
        yield similarity_case("cosine", x, value, scores=scores.tolist())
        for distance, margin in (("euclidean", 5), ("euclidean", 0.5), ("cosine", 5), ("cosine", 0.25)):
            x = drawn(generator, examples, 3, width)
            metric = getattr(TripletDistanceMetric, distance.upper())
            loss = TripletLoss(None, distance_metric=metric, triplet_margin=margin)
            value = loss.compute_loss_from_embeddings(list(x.unbind(1)), None)
            yield similarity_case("triplet", x, value, distance=distance, margin=margin)


def similarity_case(name, x, loss, **inputs):
    result = case(name, x, loss, **inputs)
    result["x"] = x.reshape(-1, x.shape[-1]).tolist()
    result["gradient"] = [row for example in result["gradient"] for row in example]
    return result | {"texts": x.shape[1]}


def weight_cases():
    for labels in (["a", "b", "a", "a"], ["x"] * 7 + ["y"] * 2 + ["z"]):
        names = sorted(set(labels))
        weights = compute_class_weight("balanced", classes=np.array(names), y=labels)
        yield {"labels": names, "counts": [labels.count(n) for n in names], "weights": weights.tolist()}


# MARK: Metrics


def metric_cases(source):
    warnings.simplefilter("ignore")
    for count, labels, share in ((1, 2, 0.5), (20, 2, 0.2), (60, 3, 0.4), (60, 5, 1.0), (9, 4, 0.0)):
        y = source.integers(labels, size=count)
        p = np.where(source.random(count) < share, source.integers(labels, size=count), y)
        yield {
            "kind": "classes", "labels": labels, "targets": y.tolist(), "predictions": p.tolist(),
            "values": {
                "accuracy": metrics.accuracy_score(y, p), "matthews": metrics.matthews_corrcoef(y, p),
                "macro_f1": metrics.f1_score(y, p, average="macro", zero_division=0),
                "micro_f1": metrics.f1_score(y, p, average="micro", zero_division=0),
                "weighted_f1": metrics.f1_score(y, p, average="weighted", zero_division=0),
            },
        }  # fmt: skip
    for count, labels, rate in ((1, 3, 0.4), (30, 4, 0.3), (50, 6, 0.1), (10, 2, 0.0), (40, 3, 0.9)):
        y = (source.random((count, labels)) < rate).astype(int)
        p = np.where(source.random((count, labels)) < 0.3, 1 - y, y)
        per_label = metrics.precision_recall_fscore_support(y, p, zero_division=0)
        yield {
            "kind": "labels", "labels": labels, "targets": lists(y), "predictions": lists(p),
            "precision": per_label[0].tolist(), "recall": per_label[1].tolist(), "f1": per_label[2].tolist(),
            "support": per_label[3].tolist(),
            "values": {
                "subset_accuracy": metrics.accuracy_score(y, p),
                **{f"{a}_f1": metrics.f1_score(y, p, average=a, zero_division=0) for a in ("micro", "macro", "samples")},
                "micro_precision": metrics.precision_score(y, p, average="micro", zero_division=0),
                "micro_recall": metrics.recall_score(y, p, average="micro", zero_division=0),
            },
        }  # fmt: skip
    for count, digits in ((2, 3), (12, 3), (40, 0), (40, 1)):
        y = np.round(source.normal(size=count) * 2, digits)
        p = np.round(y + source.normal(size=count), digits)
        yield {
            "kind": "numbers", "targets": y.tolist(), "predictions": p.tolist(),
            "values": {
                "mse": metrics.mean_squared_error(y, p), "mae": metrics.mean_absolute_error(y, p),
                "r2": metrics.r2_score(y, p), "pearson": scipy.stats.pearsonr(y, p)[0],
                "spearman": scipy.stats.spearmanr(y, p)[0],
            },
        }  # fmt: skip
    for y, p in (([2.0, 2.0], [2.0, 2.0]), ([2.0, 2.0], [1.0, 2.5])):
        yield {"kind": "numbers", "targets": y, "predictions": p, "values": {"r2": metrics.r2_score(y, p)}}


def lists(indicators):
    return [[i for i, flag in enumerate(row) if flag] for row in indicators.tolist()]


class Embedder:
    """What sentence-transformers' evaluators need of a model: given vectors for given texts."""

    def __init__(self, vectors):
        self.vectors, self.similarity_fn_name, self.model_card_data = vectors, "cosine", Card()
        self.similarity = lambda a, b: torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1)

    def encode(self, texts, **options):
        return np.array([self.vectors[text] for text in texts])

    encode_query = encode_document = encode


class Card:
    def set_evaluation_metrics(self, *arguments, **options):
        pass


def ranking_cases(source):
    """Texts are numbers; some second texts are alike, and so are some first ones and negatives."""
    for count, width, negatives in ((6, 3, False), (40, 6, False), (25, 4, True)):
        vectors = {str(i): np.float32(source.normal(size=width)).tolist() for i in range(3 * count)}
        firsts = [str(i) for i in range(count)]
        # Each second text lies near its first.
        for i in range(count):
            near = np.array(vectors[str(i)]) + source.normal(size=width) * (1.6 if negatives else 0.8)
            vectors[str(count + i)] = np.float32(near).tolist()
        seconds = [str(count + (i if i % 5 else 0)) for i in range(count)]
        others = [str(2 * count + i % (count - 2)) for i in range(count)] if negatives else None
        corpus = {text: text for text in dict.fromkeys(seconds + (others or []))}
        evaluator = InformationRetrievalEvaluator(
            {str(i): text for i, text in enumerate(firsts)}, corpus, {str(i): {t} for i, t in enumerate(seconds)},
            mrr_at_k=[10**6], accuracy_at_k=[1, 5, 10], write_csv=False, corpus_chunk_size=10**6,
            score_functions={"cosine": cos_sim},
        )  # fmt: skip
        found = evaluator.compute_metrices(Embedder(vectors))["cosine"]
        result = {
            "vectors": [vectors[str(i)] for i in range(3 * count)], "firsts": [int(t) for t in firsts],
            "seconds": [int(t) for t in seconds], "negatives": others and [int(t) for t in others],
            "candidates": len(corpus), "values": {f"recall_at_{k}": found["accuracy@k"][k] for k in (1, 5, 10)},
        }  # fmt: skip
        result["values"]["mrr"] = found["mrr@k"][10**6]
        if negatives:
            evaluator = TripletEvaluator(firsts, seconds, others, write_csv=False)
            result["values"]["triplet_accuracy"] = float(evaluator(Embedder(vectors))["cosine_accuracy"])
        scores = np.round(source.random(count), 1)
        similarity = EmbeddingSimilarityEvaluator(firsts, seconds, scores, write_csv=False)(Embedder(vectors))
        result["scores"] = scores.tolist()
        result["similarity"] = {"pearson": similarity["pearson_cosine"], "spearman": similarity["spearman_cosine"]}
        yield result


def strict_cases():
    """seqeval's strict mode, on any tags of the scheme in any order and on tags that are mostly right."""
    source = random.Random(11)
    warnings.simplefilter("ignore")
    schemes = {
        "bio": (IOB2, ["O", "O", "B-per", "I-per", "B-org", "I-org"]),
        "iobes": (IOBES, ["O", "B-per", "I-per", "E-per", "S-per", "B-org", "I-org", "E-org", "S-org"]),
    }
    for name, (scheme, tags) in schemes.items():
        for number in range(24):
            targets = [[source.choice(tags) for _ in range(source.randrange(1, 12))] for _ in range(3)]
            predictions = [[source.choice(tags) if source.random() < 0.2 else t for t in row] for row in targets]
            options = dict(mode="strict", scheme=scheme, zero_division=0)
            report = classification_report(targets, predictions, output_dict=True, **options)
            spans = Entities(predictions, scheme).entities
            yield {
                "scheme": name, "targets": targets, "predictions": predictions,
                "entities": [[[e.tag, e.start, e.end] for e in row] for row in spans],
                "precision": float(precision_score(targets, predictions, **options)),
                "recall": float(recall_score(targets, predictions, **options)),
                "f1": float(entity_f1(targets, predictions, **options)),
                "types": {k: float(v["f1-score"]) for k, v in report.items() if not k.endswith(" avg")},
            }  # fmt: skip


if __name__ == "__main__":
    run(make, "losses")
