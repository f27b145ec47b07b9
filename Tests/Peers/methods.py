"""The methods of the table in docs/guides/methods.md: what `graft train` is asked for, and the rate of each."""

EVERY = ["--targets", "query,key,value,attentionOutput,intermediate,output"]
RANK = ["--rank", "16", "--alpha", "32"]
# Name: flags, rate of the adapter. Vectors and what is multiplied need more than matrices that are added.
METHODS = {
    "head alone": (["--method", "none"], None),
    "LoRA, rank 8, query and value": (["--method", "lora"], 1e-3),
    "LoRA, rank 16": (["--method", "lora", *RANK, *EVERY], 2e-3),
    "rsLoRA, rank 16": (["--method", "lora", "--rank", "16", "--setting", "rank_stabilized=true", *EVERY], 1e-3),
    "LoRA+, rank 16": (["--method", "lora", "--lora-plus", "4", *RANK, *EVERY], 1e-3),
    "DoRA, rank 16": (["--method", "dora", *RANK, *EVERY], 2e-3),
    "LoRA-FA, rank 16": (["--method", "lora-fa", *RANK, *EVERY], 4e-3),
    "LoRA from PiSSA, rank 16": (["--method", "lora", "--setting", "initialization=pissa", *RANK, *EVERY], 5e-4),
    "AdaLoRA, rank 24 to 16": (["--method", "adalora", "--setting", "rank=24", "--setting", "target_rank=16",
                                "--setting", "alpha=48", *EVERY], 5e-3),
    "VeRA, rank 256": (["--method", "vera", *EVERY], 3e-2),
    "LoHa, rank 8": (["--method", "loha", *EVERY], 5e-3),
    "LoKr, rank 8": (["--method", "lokr", *EVERY], 5e-3),
    "OFT, blocks of 32": (["--method", "oft", *EVERY], 2e-3),
    "BOFT, blocks of 4": (["--method", "boft", *EVERY], 5e-3),
    "(IA)³": (["--method", "ia3"], 1e-2),
    "LN tuning": (["--method", "ln-tuning"], 5e-3),
    "BitFit": (["--method", "bitfit"], 3e-3),
    "prefix tuning, 16 tokens": (["--method", "prefix"], 1e-2),
    "prompt tuning, 16 tokens": (["--method", "prompt"], 3e-2),
    "P-tuning, 16 tokens": (["--method", "p-tuning"], 3e-2),
    "Houlsby, 16th": (["--method", "houlsby"], 3e-3),
    "Pfeiffer, 16th": (["--method", "pfeiffer"], 3e-3),
    "Pfeiffer, half": (["--method", "pfeiffer", "--setting", "reduction_factor=2"], 1e-3),
    "parallel, half": (["--method", "parallel"], 1e-3),
    "Compacter": (["--method", "compacter"], 3e-3),
    "Compacter++": (["--method", "compacter++"], 3e-3),
    "LoReFT": (["--method", "loreft"], 2e-3),
    "NoReFT": (["--method", "noreft"], 2e-3),
    "DiReFT": (["--method", "direft"], 2e-3),
}
