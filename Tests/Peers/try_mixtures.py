"""Trains two tasks through every way of sharing and mixing adapters that docs/guides/combining.md speaks of, and prints its tables.

    python3 try_mixtures.py MODEL DATA [--topics 400 --sentiment 1500] [--seeds 0,1,2] [--only own,mtl-lora] [--results FILE.jsonl]
    python3 try_mixtures.py --table FILE.jsonl

MODEL is the folder of all-MiniLM-L6-v2 (or of another BERT), DATA the folder with bbc-{train,test}.jsonl and
movieReviewSnippets-{train,test}.jsonl. PyTorch and transformers alone run here, so that all have one encoder, one recipe and one
order of batches: prototypes, some of which Graft has not. A seed draws the texts and the batches of all ways alike, so ways are
compared in pairs. Scores are accuracies on the whole test files after the last step: nothing is chosen by them.

First stage: own (a LoRA for each task), shared (one LoRA, two heads), shared and own (their sum), MTL-LoRA, and Pfeiffer's
bottlenecks. Second stage, as long as the first, from what the first has trained: sums and gates over the two LoRAs, which stay
as they are or train too; AdapterFusion over the two bottlenecks; and the LoRA and the bottleneck of the task itself, trained on,
without which a second stage could not be judged.
"""

import argparse
import copy
import json
import math
import os
import statistics
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
import transformers
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

FILES = {"topics": "bbc", "sentiment": "movieReviewSnippets"}
TASKS = list(FILES)
MAPS = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
        "attentionOutput": "attention.output.dense", "intermediate": "intermediate.dense", "output": "output.dense"}


class Texts:
    """Texts and labels of a task: token ids, cut, numbers of labels, and what the layers below all adapters make of each text."""

    def __init__(self, ids, labels):
        self.ids, self.labels, self.below = ids, labels, None

    def __len__(self):
        return len(self.ids)


def read(data, task, part, tokenizer, max_tokens, labels=None, limit=None, random=None):
    with open(os.path.join(data, f"{FILES[task]}-{part}.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    labels = labels or sorted({row["label"] for row in rows})
    if limit:
        rows = [rows[i] for i in random.permutation(len(rows))[:limit]]
    ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=max_tokens)["input_ids"]
    return Texts(ids, [labels.index(row["label"]) for row in rows]), labels


class Batch:
    """Texts in a row without padding: `rows` says of each token which text it is of; texts of one task follow each other."""

    def __init__(self, texts, chosen):
        """`chosen`: pairs of a task and a number of a text, sorted by task."""
        ids = [texts[task].ids[i] for task, i in chosen]
        self.tasks = [task for task, _ in chosen]
        self.labels = torch.tensor([texts[task].labels[i] for task, i in chosen])
        self.lengths = torch.tensor([len(each) for each in ids])
        self.tokens = torch.tensor([token for each in ids for token in each])
        below = [texts[task].below for task, _ in chosen]
        self.below = torch.cat([states[i] for states, (_, i) in zip(below, chosen)]) if below[0] else None
        self.positions = torch.tensor([place for each in ids for place in range(len(each))])
        self.rows = torch.repeat_interleave(torch.arange(len(ids)), self.lengths)
        self.longest = int(self.lengths.max())
        self.places = self.rows * self.longest + self.positions
        mask = torch.zeros(len(ids), 1, 1, self.longest)
        for row, length in enumerate(self.lengths.tolist()):
            mask[row, ..., length:] = -1e9
        self.mask = mask
        # Tokens of each task, as (task, tokens), in order.
        self.parts = []
        for task in TASKS:
            count = sum(len(each) for each, of in zip(ids, self.tasks) if of == task)
            if count:
                self.parts.append((task, count))

    def mean(self, states):
        """The mean over the tokens of each text: [texts, width]."""
        sums = torch.zeros(len(self.lengths), states.shape[-1]).index_add(0, self.rows, states.float())
        return sums / self.lengths[:, None]

    def padded(self, states):
        out = states.new_zeros(len(self.lengths) * self.longest, states.shape[-1])
        return out.index_copy(0, self.places, states).view(len(self.lengths), self.longest, -1)


class Encoder:
    """A frozen BERT. Its linear maps multiply in bfloat16 and everything between them is in float32, unless `precision` says else."""

    def __init__(self, model, precision, layers=None):
        """`layers`: the number of layers, from the top down, that adapters change; all if not said."""
        source = AutoModel.from_pretrained(model, dtype=torch.float32)
        values = source.state_dict()
        self.precision, self.heads, self.epsilon = precision, source.config.num_attention_heads, source.config.layer_norm_eps
        self.count, self.width = source.config.num_hidden_layers, source.config.hidden_size
        self.first = self.count - (layers or self.count)
        self.words, self.places = values["embeddings.word_embeddings.weight"], values["embeddings.position_embeddings.weight"]
        self.segment = values["embeddings.token_type_embeddings.weight"][0]
        self.maps, self.norms = {}, {"embeddings": self.norm_of(values, "embeddings.LayerNorm")}
        for layer in range(self.count):
            for name, path in MAPS.items():
                whole = f"encoder.layer.{layer}.{path}"
                self.maps[layer, name] = tuple(values[f"{whole}.{part}"].to(precision) for part in ("weight", "bias"))
            for name, path in (("attention", "attention.output.LayerNorm"), ("output", "output.LayerNorm")):
                self.norms[layer, name] = self.norm_of(values, f"encoder.layer.{layer}.{path}")

    def norm_of(self, values, path):
        return values[f"{path}.weight"], values[f"{path}.bias"]

    def norm(self, name, states):
        return functional.layer_norm(states, (self.width,), *self.norms[name], self.epsilon)

    def linear(self, layer, name, states, batch, adapter):
        states = states.to(self.precision)
        out = functional.linear(states, *self.maps[layer, name])
        change = adapter.change(layer, name, states, batch) if adapter else None
        return out if change is None else out + change

    def states(self, batch, adapter=None):
        """The last layer's states of all tokens, in a row: [tokens, width]."""
        below = self.below(batch) if batch.below is None else batch.below
        return self.through(range(self.first, self.count), below, batch, adapter)

    def below(self, batch):
        """What the lowest layer that an adapter changes reads."""
        states = self.words[batch.tokens] + self.places[batch.positions] + self.segment
        return self.through(range(self.first), self.norm("embeddings", states), batch, None)

    @torch.no_grad()
    def keep(self, task, texts):
        """Computes what the lower layers make of each text, once for all ways."""
        kept = []
        for start in range(0, len(texts), 64):
            batch = Batch({task: texts}, [(task, i) for i in range(start, min(start + 64, len(texts)))])
            kept += self.below(batch).split(batch.lengths.tolist())
        texts.below = kept

    def adapted(self):
        """The linear maps that an adapter changes: layer, name and shape of the weight."""
        return [(layer, name, weight.shape) for (layer, name), (weight, _) in self.maps.items() if layer >= self.first]

    def through(self, layers, states, batch, adapter):
        for layer in layers:
            # In float32: PyTorch's attention in bfloat16 is the slower one on processors.
            query, key, value = (
                batch.padded(self.linear(layer, name, states, batch, adapter).float())
                .view(len(batch.lengths), batch.longest, self.heads, -1).transpose(1, 2)
                for name in ("query", "key", "value"))
            mixed = functional.scaled_dot_product_attention(query, key, value, batch.mask)
            mixed = mixed.transpose(1, 2).reshape(-1, self.width)[batch.places]
            states = self.norm((layer, "attention"), states + self.linear(layer, "attentionOutput", mixed, batch, adapter).float())
            wide = functional.gelu(self.linear(layer, "intermediate", states, batch, adapter))
            output = self.linear(layer, "output", wide, batch, adapter).float()
            after = self.norm((layer, "output"), states + output)
            # Pfeiffer's place: the block's output goes through the bottleneck, block and residual together are the second residual.
            states = adapter.behind(layer, output, states, after, batch, self) if adapter else after
        return states


class Adapter(torch.nn.Module):
    """What changes the encoder. Of `change` and `behind` each kind has one."""

    def change(self, layer, name, states, batch):
        return None

    def behind(self, layer, output, residual, after, batch, encoder):
        return after

    def rates(self):
        """Parameters by what they are multiplied by in learning."""
        return {"adapter": list(self.parameters())}


def by_task(states, batch, function):
    """`function(states, task)` of the tokens of each task, in the batch's order."""
    if len(batch.parts) == 1:
        return function(states, batch.parts[0][0])
    parts = states.split([count for _, count in batch.parts])
    return torch.cat([function(part, task) for part, (task, _) in zip(parts, batch.parts)])


class LoRA(Adapter):
    def __init__(self, encoder, rank):
        super().__init__()
        self.scale = 2.0
        self.a, self.b = torch.nn.ParameterDict(), torch.nn.ParameterDict()
        for layer, name, shape in encoder.adapted():
            a = torch.empty(rank, shape[1])
            torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5))
            self.a[f"{layer}/{name}"] = torch.nn.Parameter(a)
            self.b[f"{layer}/{name}"] = torch.nn.Parameter(torch.zeros(shape[0], rank))

    def change(self, layer, name, states, batch):
        a, b = (values[f"{layer}/{name}"].to(states.dtype) for values in (self.a, self.b))
        return functional.linear(functional.linear(states, a), b * self.scale)


class OfEachTask(Adapter):
    """An adapter for each task; nothing is shared."""

    def __init__(self, adapters):
        super().__init__()
        self.adapters = torch.nn.ModuleDict(adapters)

    def change(self, layer, name, states, batch):
        return by_task(states, batch, lambda part, task: self.adapters[task].change(layer, name, part, batch))


class Together(Adapter):
    """The sum of a shared adapter and one of each task."""

    def __init__(self, shared, own):
        super().__init__()
        self.shared, self.own = shared, own

    def change(self, layer, name, states, batch):
        return self.shared.change(layer, name, states, batch) + self.own.change(layer, name, states, batch)


class MultiTaskLoRA(Adapter):
    """MTL-LoRA (Yang et al. 2024): s (Σᵢ softmax(wₜ/τ)ᵢ Bᵢ) Λₜ A, started as its authors' code does."""

    def __init__(self, encoder, rank, ups=3, temperature=0.5):
        super().__init__()
        self.scale, self.temperature = 2.0, temperature
        self.a, self.b, self.middle, self.weights = (torch.nn.ParameterDict() for _ in range(4))
        for layer, name, shape in encoder.adapted():
            a, weights = torch.empty(rank, shape[1]), torch.empty(len(TASKS), ups)
            torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5))
            torch.nn.init.kaiming_uniform_(weights, a=math.sqrt(5))
            key = f"{layer}/{name}"
            self.a[key], self.weights[key] = torch.nn.Parameter(a), torch.nn.Parameter(weights)
            self.b[key] = torch.nn.Parameter(torch.zeros(ups, shape[0], rank))
            self.middle[key] = torch.nn.Parameter(torch.eye(rank).repeat(len(TASKS), 1, 1))

    def up(self, key, task):
        """s Bₜ Λₜ: with A it is a plain LoRA of the task."""
        shares = functional.softmax(self.weights[key][TASKS.index(task)] / self.temperature, 0)
        return torch.einsum("n,nor->or", shares, self.b[key]) @ self.middle[key][TASKS.index(task)] * self.scale

    def change(self, layer, name, states, batch):
        key = f"{layer}/{name}"
        low = functional.linear(states, self.a[key].to(states.dtype))
        return by_task(low, batch, lambda part, task: functional.linear(part, self.up(key, task).to(part.dtype)))


class Gated(Adapter):
    """Σᵢ gᵢ sᵢ Bᵢ Aᵢ x over trained LoRAs, of which that of the task itself starts with `own` and the others with `others`.

    `by`: "nothing" (the gates stay), "module" (a number each), "text" and "token" (the number and tanh of a linear map of the
    module's input, of its mean over the text or of the token's own). `train_all`: the LoRAs train on too.
    """

    def __init__(self, adapters, task, by, own=1.0, others=0.0, train_all=False):
        super().__init__()
        self.by, self.train_all = by, train_all
        self.adapters = torch.nn.ModuleDict(copy.deepcopy(adapters))
        self.gates, self.slopes = torch.nn.ParameterDict(), torch.nn.ParameterDict()
        for key, a in self.adapters[task].a.items():
            start = torch.tensor([own if name == task else others for name in self.adapters])
            self.gates[key] = torch.nn.Parameter(start, requires_grad=by != "nothing")
            if by in ("text", "token"):
                self.slopes[key] = torch.nn.Parameter(torch.zeros(len(start), a.shape[1]))
        for parameter in self.adapters.parameters():
            parameter.requires_grad_(train_all)

    def rates(self):
        return {"adapter": [p for p in self.adapters.parameters() if p.requires_grad], "gate": list(self.gates.parameters()),
                "slope": list(self.slopes.parameters())}

    def change(self, layer, name, states, batch):
        key = f"{layer}/{name}"
        changes = [adapter.change(layer, name, states, batch) for adapter in self.adapters.values()]
        gates = self.gates[key].to(states.dtype)
        if self.by in ("text", "token"):
            read = batch.mean(states)[batch.rows].to(states.dtype) if self.by == "text" else states
            gates = gates + torch.tanh(functional.linear(read, self.slopes[key].to(states.dtype)))
            return sum(gates[:, i, None] * change for i, change in enumerate(changes))
        return sum(gates[i] * change for i, change in enumerate(changes))


class Bottleneck(Adapter):
    """AdapterHub's `seq_bn`: behind the feed-forward block, with the norm of the layer before and behind it."""

    def __init__(self, encoder, width):
        super().__init__()
        self.down, self.up = torch.nn.ModuleDict(), torch.nn.ModuleDict()
        for layer in range(encoder.first, encoder.count):
            self.down[str(layer)] = torch.nn.Linear(encoder.width, width)
            self.up[str(layer)] = torch.nn.Linear(width, encoder.width)
        for linear in [*self.down.values(), *self.up.values()]:
            torch.nn.init.normal_(linear.weight, std=0.02)
            torch.nn.init.zeros_(linear.bias)

    def delta(self, layer, states):
        return self.up[str(layer)](torch.relu(self.down[str(layer)](states)))

    def behind(self, layer, output, residual, after, batch, encoder):
        return encoder.norm((layer, "output"), self.delta(layer, after) + output + residual)


class Fusion(Adapter):
    """AdapterFusion (Pfeiffer et al. 2021) over trained bottlenecks, which stay as they are: V starts near 1, and |V − 1|² counts."""

    def __init__(self, encoder, adapters):
        super().__init__()
        self.adapters = torch.nn.ModuleDict(copy.deepcopy(adapters))
        for parameter in self.adapters.parameters():
            parameter.requires_grad_(False)
        self.query, self.key, self.value = (
            torch.nn.ModuleDict({str(layer): torch.nn.Linear(encoder.width, encoder.width, bias=bias)
                                 for layer in range(encoder.first, encoder.count)})
            for bias in (True, True, False))
        for linear in [*self.query.values(), *self.key.values()]:
            torch.nn.init.normal_(linear.weight, std=0.02)
            torch.nn.init.zeros_(linear.bias)
        for linear in self.value.values():
            with torch.no_grad():
                linear.weight.copy_(torch.eye(encoder.width) + 1e-6)

    def rates(self):
        return {"adapter": [p for p in self.parameters() if p.requires_grad]}

    def penalty(self):
        return 0.01 * sum((linear.weight - torch.eye(len(linear.weight))).square().sum() for linear in self.value.values())

    def behind(self, layer, output, residual, after, batch, encoder):
        deltas, place = torch.stack([adapter.delta(layer, after) for adapter in self.adapters.values()], 1), str(layer)
        query, keys = self.query[place](after), self.key[place](deltas)
        shares = functional.softmax((keys @ query[..., None]).squeeze(-1), -1)
        mixed = (shares[..., None] * self.value[place](deltas)).sum(1)
        return encoder.norm((layer, "output"), mixed + output + residual)


class Run:
    """Everything of one seed: texts, the order of batches, and what was trained first."""

    def __init__(self, o, encoder, tokenizer, seed):
        self.o, self.encoder, self.seed = o, encoder, seed
        random = numpy.random.default_rng(1000 + seed)
        self.train, self.test, self.labels = {}, {}, {}
        for task, limit in (("topics", o.topics), ("sentiment", o.sentiment)):
            self.train[task], self.labels[task] = read(o.data, task, "train", tokenizer, o.max_tokens, None, limit, random)
            self.test[task], _ = read(o.data, task, "test", tokenizer, o.max_tokens, self.labels[task], o.test, random)
            for texts in (self.train[task], self.test[task]):
                encoder.keep(task, texts)

    def new_head(self, task):
        return torch.nn.Linear(self.encoder.width, len(self.labels[task]))

    def batches(self, tasks, epoch):
        random = numpy.random.default_rng([self.seed, epoch, len(tasks)])
        pool = [(task, i) for task in tasks for i in range(len(self.train[task]))]
        order = random.permutation(len(pool))
        size = self.o.batch_size
        for start in range(0, len(order), size):
            chosen = sorted((pool[i] for i in order[start:start + size]), key=lambda pair: TASKS.index(pair[0]))
            yield Batch(self.train, chosen)

    def fit(self, adapter, heads, rates):
        """Trains adapter and heads; AdamW, a tenth of the steps to warm up, then linearly to zero, gradients clipped to 1."""
        tasks = list(heads)
        groups = [{"params": [p for head in heads.values() for p in head.parameters()], "lr": self.o.head_rate}]
        if adapter:
            groups += [{"params": values, "lr": rates[kind]} for kind, values in adapter.rates().items() if values]
        everything = [p for group in groups for p in group["params"]]
        optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
        steps = self.o.epochs * -(-sum(len(self.train[task]) for task in tasks) // self.o.batch_size)
        schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(0.1 * steps), steps)
        for epoch in range(self.o.epochs):
            for batch in self.batches(tasks, epoch):
                pooled = batch.mean(self.encoder.states(batch, adapter))
                losses = [functional.cross_entropy(heads[task](pooled[rows]), batch.labels[rows], reduction="sum")
                          for task, rows in self.rows(batch)]
                loss = sum(losses) / len(batch.labels)
                if isinstance(adapter, Fusion):
                    loss = loss + adapter.penalty()
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(everything, 1.0)
                optimizer.step()
                schedule.step()

    def rows(self, batch):
        for task, _ in batch.parts:
            yield task, torch.tensor([i for i, of in enumerate(batch.tasks) if of == task])

    @torch.no_grad()
    def score(self, adapter, task, head):
        texts = self.test[task]
        order = sorted(range(len(texts)), key=lambda i: len(texts.ids[i]))
        right = 0
        for start in range(0, len(order), 64):
            batch = Batch(self.test, [(task, i) for i in order[start:start + 64]])
            right += int((head(batch.mean(self.encoder.states(batch, adapter))).argmax(-1) == batch.labels).sum())
        return right / len(texts)


class Ways:
    """The ways by name: each gives the score of each task, and the numbers trained."""

    def __init__(self, run):
        self.run, self.o = run, run.o
        self.loras, self.bottlenecks, self.heads = {}, {}, {}

    def start(self, name):
        # Each way starts from the seed and its own name, so that leaving some out changes nothing for the others.
        torch.manual_seed(self.run.seed * 1000 + sum(map(ord, name)))

    def rates(self, **more):
        return dict(adapter=self.o.rate, gate=self.o.gate_rate, slope=self.o.slope_rate) | more

    def alone(self, make, rates, first_heads=None, keep=None):
        """One task after the other, each with an adapter and a head of its own."""
        scores, numbers = {}, 0
        for task in TASKS:
            adapter = make(task)
            head = copy.deepcopy(first_heads[task]) if first_heads else self.run.new_head(task)
            self.run.fit(adapter, {task: head}, rates)
            scores[task] = self.run.score(adapter, task, head)
            numbers += count(adapter) + count(head)
            if keep is not None:
                keep[task] = (adapter, head)
        return scores, numbers

    def joint(self, adapter):
        """Both tasks in each batch, each with a head of its own."""
        heads = {task: self.run.new_head(task) for task in TASKS}
        self.run.fit(adapter, heads, self.rates())
        scores = {task: self.run.score(adapter, task, heads[task]) for task in TASKS}
        return scores, count(adapter) + sum(map(count, heads.values()))

    def gated(self, by, own=1.0, others=0.0, train_all=False, fresh_heads=False, **rates):
        adapters = {task: self.loras[task][0] for task in TASKS}
        heads = None if fresh_heads else {task: self.loras[task][1] for task in TASKS}
        return self.alone(lambda task: Gated(adapters, task, by, own, others, train_all), self.rates(**rates), heads)

    def all(self):
        encoder, rank = self.run.encoder, self.o.rank
        low = self.o.rate / 4
        # Pfeiffer's bottlenecks of a quarter of the width have about half the numbers of rank 16 in every map.
        return {
            "heads alone": lambda: self.alone(lambda task: None, self.rates()),
            "own": lambda: self.alone(lambda task: LoRA(encoder, rank), self.rates(), keep=self.loras),
            "shared": lambda: self.joint(LoRA(encoder, rank)),
            "shared and own": lambda: self.joint(Together(
                LoRA(encoder, rank // 2), OfEachTask({task: LoRA(encoder, rank // 2) for task in TASKS}))),
            "mtl-lora": lambda: self.joint(MultiTaskLoRA(encoder, rank)),
            "own, trained on": lambda: self.alone(
                lambda task: copy.deepcopy(self.loras[task][0]), self.rates(adapter=low),
                {task: self.loras[task][1] for task in TASKS}),
            "sum, half each": lambda: self.gated("nothing", 0.5, 0.5, fresh_heads=True),
            "sum, own and 0.3 of the other": lambda: self.gated("nothing", 1.0, 0.3),
            "gate by module": lambda: self.gated("module"),
            "gate by module, half each": lambda: self.gated("module", 0.5, 0.5),
            "gate by text": lambda: self.gated("text"),
            "gate by token": lambda: self.gated("token"),
            "gate by module, all trains": lambda: self.gated("module", 1.0, 0.3, train_all=True, adapter=low),
            "own bottleneck": lambda: self.alone(
                lambda task: Bottleneck(encoder, encoder.width // 4), self.rates(adapter=1e-3), keep=self.bottlenecks),
            "own bottleneck, trained on": lambda: self.alone(
                lambda task: copy.deepcopy(self.bottlenecks[task][0]), self.rates(adapter=2.5e-4),
                {task: self.bottlenecks[task][1] for task in TASKS}),
            "fusion": lambda: self.alone(
                lambda task: Fusion(encoder, {each: self.bottlenecks[each][0] for each in TASKS}),
                self.rates(adapter=self.o.fusion_rate), {task: self.bottlenecks[task][1] for task in TASKS}),
        }


NEEDS = {"own, trained on": "own", "sum, half each": "own", "sum, own and 0.3 of the other": "own", "gate by module": "own",
         "gate by module, half each": "own", "gate by text": "own", "gate by token": "own", "gate by module, all trains": "own",
         "own bottleneck, trained on": "own bottleneck", "fusion": "own bottleneck"}


def count(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad) if module else 0


def check(encoder, model, tokenizer):
    """The encoder here is that of transformers; a folded MTL-LoRA is the LoRA that it says."""
    texts = {"topics": Texts(tokenizer(["A short one", "And one that is a little longer than it"])["input_ids"], [0, 0])}
    batch = Batch(texts, [("topics", 0), ("topics", 1)])
    exact = Encoder(model, torch.float32, encoder.count - encoder.first)
    source = AutoModel.from_pretrained(model, dtype=torch.float32).eval()
    for row, ids in enumerate(texts["topics"].ids):
        with torch.no_grad():
            expected = source(input_ids=torch.tensor([ids])).last_hidden_state[0]
            error = float((exact.states(batch)[batch.rows == row] - expected).abs().max())
        if not error < 1e-4:
            raise SystemExit(f"the encoder here differs from transformers' by {error}")
    mixture, plain = MultiTaskLoRA(exact, 4), LoRA(exact, 4)
    with torch.no_grad():
        for parameter in mixture.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
        for key in plain.a:
            plain.a[key].copy_(mixture.a[key])
            plain.b[key].copy_(mixture.up(key, "topics") / plain.scale)
        error = float((exact.states(batch, mixture) - exact.states(batch, plain)).abs().max())
    if not error < 1e-4:
        raise SystemExit(f"a folded MTL-LoRA differs by {error}")


def table(rows):
    """Means and deviations over seeds, and the differences to `own` of the same seed."""
    sizes = sorted({(row["topics"], row["sentiment"]) for row in rows})
    for size in sizes:
        here = [row for row in rows if (row["topics"], row["sentiment"]) == size]
        own = {row["seed"]: row["scores"] for row in here if row["way"] == "own"}
        print(f"\n{size[0]} topics texts, {size[1]} sentiment texts, seeds {sorted(own)}\n")
        print("| way | topics | sentiment | mean of both | to own, paired | trained numbers |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        for way in dict.fromkeys(row["way"] for row in here):
            of = {row["seed"]: row for row in here if row["way"] == way}
            figures = [[row["scores"][task] for row in of.values()] for task in TASKS]
            figures.append([statistics.mean(row["scores"].values()) for row in of.values()])
            figures.append([statistics.mean(row["scores"][t] - own[seed][t] for t in TASKS) for seed, row in of.items() if seed in own])
            cells = [f"{100 * statistics.mean(f):.2f} ± {100 * statistics.stdev(f):.2f}" if len(f) > 1 else f"{100 * f[0]:.2f}"
                     for f in figures if f]
            print(f"| {way} | " + " | ".join(cells) + f" | {next(iter(of.values()))['numbers']:,} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("data", nargs="?")
    parser.add_argument("--table", help="print the tables of a file of results, and train nothing")
    parser.add_argument("--topics", type=int, default=400)
    parser.add_argument("--sentiment", type=int, default=1500)
    parser.add_argument("--test", type=int, help="score on so many texts alone, drawn by the seed")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--only", default="", help="ways, with semicolons between them")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--layers", type=int, help="adapters in so many layers alone, from the top down (default: all)")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--head-rate", type=float, default=1e-2)
    parser.add_argument("--gate-rate", type=float, default=1e-2)
    parser.add_argument("--slope-rate", type=float, default=1e-3)
    parser.add_argument("--fusion-rate", type=float, default=5e-4)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--results", help="add each result to this file, a JSON object a line")
    o = parser.parse_args()
    if o.table:
        with open(o.table) as file:
            return table([json.loads(line) for line in file])
    if not o.data:
        parser.error("MODEL and DATA are needed")
    torch.set_num_threads(o.threads)
    transformers.logging.set_verbosity_error()
    tokenizer, encoder = AutoTokenizer.from_pretrained(o.model), Encoder(o.model, getattr(torch, o.precision), o.layers)
    check(encoder, o.model, tokenizer)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {vars(o)}", flush=True)
    rows = []
    wanted = o.only.split(";") if o.only else None
    for seed in map(int, o.seeds.split(",")):
        ways = Ways(Run(o, encoder, tokenizer, seed))
        for name, train in ways.all().items():
            if wanted and name not in wanted and name not in {NEEDS.get(each) for each in wanted}:
                continue
            begin = time.time()
            ways.start(name)
            scores, numbers = train()
            row = dict(way=name, seed=seed, topics=o.topics, sentiment=o.sentiment, scores=scores, numbers=numbers,
                       seconds=round(time.time() - begin, 1))
            rows.append(row)
            if o.results:
                with open(o.results, "a") as file:
                    file.write(json.dumps(row) + "\n")
            print(f"seed {seed} {name:32}" + " ".join(f"{task} {score:.4f}" for task, score in scores.items())
                  + f" {numbers:>10,} numbers {row['seconds']:7.1f} s", flush=True)
    table(rows)


if __name__ == "__main__":
    main()
