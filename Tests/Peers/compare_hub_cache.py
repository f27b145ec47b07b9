"""Shares one cache between graft and huggingface_hub: what either fetches from a Hub on the loopback interface, the other finds.

The Hub is this script's own: a repository with two commits, large files behind a redirect to another server, a gated and a private
model. huggingface_hub runs in a process of its own, since it reads its environment when it is imported.
"""

import argparse
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from graft import BINARY

FIRST, SECOND = "1" * 40, "2" * 40
TOKEN = "hf_of_the_loopback"
LARGE = (".safetensors", ".bin", ".onnx")
WANTED = ["*.json", "*.txt", "model*.safetensors", "README.md", "*/config.json"]


def blob_name(name, content):
    if name.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub:
    """The part of the Hub's interface that both clients use, with the headers that they rely on."""

    def __init__(self, folder):
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        files |= {"onnx/model.onnx": b"onnx", "pytorch_model.bin": b"pickle", ".gitattributes": b"*.bin lfs\n"}
        changed = files | {"README.md": b"# Changed\n"}
        self.commits = {FIRST: files, SECOND: changed}
        self.revisions = {"main": SECOND, "v1": FIRST, "refs/pr/1": FIRST, FIRST: FIRST, SECOND: SECOND}
        self.requests, self.leaks = [], []
        self.storage = self.serve(self.answer_storage)
        self.server = self.serve(self.answer)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            do_HEAD = do_GET

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    @staticmethod
    def send(request, status, headers=(), body=b""):
        request.send_response(status)
        for name, value in dict(headers).items():
            request.send_header(name, value)
        if "Content-Length" not in dict(headers):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)

    def send_file(self, request, content, headers):
        begin = request.headers.get("Range", "")
        if begin.startswith("bytes="):
            first = int(begin[6:].split("-")[0])
            place = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            return self.send(request, 206, headers | place, content[first:])
        self.send(request, 200, headers, content)

    def answer_storage(self, request):
        """Where large files are: it gets a signed address, and must never get the user's token."""
        if request.headers.get("Authorization"):
            self.leaks.append(request.path)
        digest = request.path.strip("/")
        for files in self.commits.values():
            for content in files.values():
                if hashlib.sha256(content).hexdigest() == digest:
                    return self.send_file(request, content, {"ETag": f'"{digest[:32]}"'})
        self.send(request, 404)

    def answer(self, request):
        path = request.path.split("?")[0].replace("%2F", "/").strip("/")
        self.requests.append(f"{request.command} {path}")
        if path.startswith("api/models/"):
            owner, name, _, revision = path[len("api/models/") :].split("/", 3)
        else:
            owner, name, _, rest = path.split("/", 3)
            revision = next((r for r in self.revisions if rest.startswith(r + "/")), rest.split("/")[0])
        may = request.headers.get("Authorization") == f"Bearer {TOKEN}"
        if name == "gated" and not may and "/resolve/" in f"/{path}":
            return self.send(request, 403 if request.headers.get("Authorization") else 401, {"X-Error-Code": "GatedRepo"})
        if name not in ("encoder", "gated", "private") or name == "private" and not may:
            return self.send(request, 401, {"X-Error-Code": "RepoNotFound"})
        if revision not in self.revisions:
            return self.send(request, 404, {"X-Error-Code": "RevisionNotFound"})
        commit = self.revisions[revision]
        if path.startswith("api/"):
            return self.send(request, 200, {"Content-Type": "application/json"}, self.listing(f"{owner}/{name}", commit))
        self.send_entry(request, commit, rest[len(revision) + 1 :])

    def send_entry(self, request, commit, name):
        content = self.commits[commit].get(name)
        if content is None:
            return self.send(request, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit}
        if name.endswith(LARGE):
            digest = hashlib.sha256(content).hexdigest()
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content)), "ETag": '"of-the-redirect"'}
            headers["Location"] = f"http://localhost:{self.storage.server_port}/{digest}"
            return self.send(request, 302, headers)
        self.send_file(request, content, headers | {"ETag": f'"{blob_name(name, content)}"'})

    def listing(self, model, commit):
        siblings = []
        for name, content in sorted(self.commits[commit].items()):
            entry = {"rfilename": name, "size": len(content), "blobId": blob_name(name, content)}
            if name.endswith(LARGE):
                entry["lfs"] = {"sha256": blob_name(name, content), "size": len(content), "pointerSize": 130}
                entry["blobId"] = hashlib.sha1(name.encode()).hexdigest()
            siblings.append(entry)
        return json.dumps({"id": model, "modelId": model, "sha": commit, "siblings": siblings}).encode()


class Place:
    """A user's home: both programs see the same environment in it."""

    def __init__(self, hub, binary, **environment):
        self.folder = Path(tempfile.mkdtemp(prefix="graft-hub-cache-"))
        self.cache, self.binary, self.hub = self.folder / "hf" / "hub", binary, hub
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        self.environment = kept | {"HOME": str(self.folder), "HF_HOME": str(self.folder / "hf"), "HF_ENDPOINT": hub.address}
        self.environment |= {"GRAFT_CACHE": str(self.folder / "graft"), "HF_HUB_DISABLE_TELEMETRY": "1"} | environment

    def graft(self, *words, code=0, **environment):
        run = subprocess.run(
            [str(self.binary), *words], env=self.environment | environment, capture_output=True, text=True, input=""
        )
        check(run.returncode == code, f"graft {' '.join(words)}: status {run.returncode}, {run.stderr.strip()}")
        check(TOKEN not in run.stdout + run.stderr, "the token was printed")
        return run.stdout.strip() if code == 0 else run.stderr.strip()

    def python(self, expression, **environment):
        """The value of an expression in which `h` is huggingface_hub."""
        program = f"import huggingface_hub as h, json; print(json.dumps({expression}))"
        run = subprocess.run(
            [sys.executable, "-c", program], env=self.environment | environment, capture_output=True, text=True
        )
        check(run.returncode == 0, f"huggingface_hub: {expression}: {run.stderr.strip()[-800:]}")
        return json.loads(run.stdout)

    def layout(self):
        """Every file of the model's folder: where a link points, or what a file holds."""
        files = {}
        for path in sorted(self.cache.rglob("*")):
            name = path.relative_to(self.cache).as_posix()
            if path.is_symlink():
                files[name] = f"-> {os.readlink(path)}"
            elif path.is_file():
                files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return files

    def remove(self):
        shutil.rmtree(self.folder)


checks = 0


def check(condition, words):
    global checks
    checks += 1
    if not condition:
        raise SystemExit(f"FAILED: {words}")


def names_of(snapshot):
    """The files that graft takes for needed, as patterns for huggingface_hub."""
    return [path.relative_to(snapshot).as_posix() for path in sorted(snapshot.rglob("*")) if not path.is_dir()]


def graft_first(hub, binary):
    place = Place(hub, binary)
    folder = place.graft("pull", "tiny/encoder", "--quiet")
    check(folder.endswith(f"models--tiny--encoder/snapshots/{SECOND}/"), f"unexpected folder {folder}")
    found = place.python("h.snapshot_download('tiny/encoder', local_files_only=True)")
    check(Path(found) == Path(folder), f"huggingface_hub finds {found}, graft {folder}")
    for name in sorted(path.name for path in Path(folder).iterdir() if path.is_file()):
        loaded = place.python(f"h.try_to_load_from_cache('tiny/encoder', {name!r})")
        check(loaded == str(Path(folder) / name), f"{name}: {loaded}")
    # A pin by tag, by branch of a pull request and by commit; and huggingface_hub with its own way of being offline.
    for words, revision in ((["--revision", "v1"], "v1"), ([], "refs/pr/1"), ([], FIRST)):
        model = "tiny/encoder" if words else f"tiny/encoder@{revision}"
        pinned = place.graft("pull", model, *words, "--quiet")
        check(pinned.endswith(f"/snapshots/{FIRST}/"), f"{revision}: {pinned}")
        found = place.python(f"h.snapshot_download('tiny/encoder', revision={revision!r})", HF_HUB_OFFLINE="1")
        check(Path(found) == Path(pinned), f"{revision}: huggingface_hub finds {found}")
    # Nothing is fetched a second time by the other one: it asks for the list, and finds every file.
    before = len(hub.requests)
    place.python(f"h.snapshot_download('tiny/encoder', allow_patterns={names_of(Path(folder))})")
    fetched = [line for line in hub.requests[before:] if line.startswith("GET") and "/resolve/" in line]
    check(not fetched, f"huggingface_hub fetched again: {fetched}")
    report = place.python(
        "(lambda c: [[str(w) for w in c.warnings], [[r.repo_id, sorted(x.commit_hash for x in r.revisions), "
        "sorted(sum((list(x.refs) for x in r.revisions), []))] for r in c.repos]])(h.scan_cache_dir())"
    )
    check(report[0] == [], f"scan_cache_dir warns: {report[0]}")
    check(report[1] == [["tiny/encoder", [FIRST, SECOND], ["main", "refs/pr/1", "v1"]]], f"scan_cache_dir: {report[1]}")
    print("graft first: snapshot_download, try_to_load_from_cache and scan_cache_dir find it all: ok", flush=True)
    place.remove()


def python_first(hub, binary, texts):
    place = Place(hub, binary)
    for revision in ("main", "v1"):
        place.python(f"h.snapshot_download('tiny/encoder', revision={revision!r}, allow_patterns={WANTED})")
    before = len(hub.requests)
    found = json.loads(place.graft("inspect", "tiny/encoder", "--json"))
    check(found["kind"] == "model", f"graft inspect: {found}")
    vectors = [place.graft("embed", "--model", f"tiny/encoder{at}", *texts, "--precision", "float32") for at in ("", "@v1", f"@{FIRST}")]
    check(len(set(vectors)) == 1 and vectors[0].count("\n") == len(texts) - 1, "graft embed")
    check("graft pull tiny/encoder@v2" in place.graft("embed", "--model", "tiny/encoder@v2", "x", code=1), "no such revision")
    check(hub.requests[before:] == [], f"--model touched the network: {hub.requests[before:]}")
    # Offline graft answers from what Python fetched, and opens no socket.
    for variables in ({"HF_HUB_OFFLINE": "1"}, {"TRANSFORMERS_OFFLINE": "yes"}):
        folder = place.graft("pull", "tiny/encoder@v1", "--quiet", **variables)
        check(folder.endswith(f"/snapshots/{FIRST}/"), folder)
        check("HF_HUB_OFFLINE" in place.graft("pull", "tiny/other", code=1, **variables), "offline refusal")
    check(hub.requests[before:] == [], "offline graft asked the Hub")
    # Asked again, it fetches no file that Python has.
    place.graft("pull", "tiny/encoder", "--quiet")
    fetched = [line for line in hub.requests[before:] if "/resolve/" in line]
    check(fetched == [], f"graft fetched again: {fetched}")
    print("huggingface_hub first: inspect, embed, a pinned embed and an offline pull find it all: ok", flush=True)
    place.remove()


def same_layout(hub, binary):
    """The same files, links and references, whoever fetched them."""
    places = Place(hub, binary), Place(hub, binary)
    for model, revision in (("tiny/encoder", "main"), ("tiny/encoder", "v1"), ("tiny/encoder", "refs/pr/1")):
        places[0].graft("pull", f"{model}@{revision}", "--quiet")
        snapshot = next((places[0].cache / "models--tiny--encoder" / "snapshots").iterdir())
        places[1].python(f"h.snapshot_download({model!r}, revision={revision!r}, allow_patterns={names_of(snapshot)})")
    ours, theirs = (place.layout() for place in places)
    theirs = {name: value for name, value in theirs.items() if name != "CACHEDIR.TAG"}
    check(ours == theirs, f"differ: {sorted(set(ours.items()) ^ set(theirs.items()))}")
    print(f"the same {len(ours)} files, links, references and locks, whoever fetched them: ok", flush=True)
    for place in places:
        place.remove()


def interrupted(hub, binary):
    """Either goes on from the bytes that the other one left."""
    place = Place(hub, binary)
    weights = hub.commits[SECOND]["model.safetensors"]
    digest = hashlib.sha256(weights).hexdigest()
    blobs = place.cache / "models--tiny--encoder" / "blobs"
    ranges = []
    send_file = hub.send_file

    def noting(request, content, headers):
        ranges.append(request.headers.get("Range"))
        send_file(request, content, headers)

    hub.send_file = noting
    for fetch in (
        lambda: place.graft("pull", "tiny/encoder", "--quiet"),
        lambda: place.python("h.hf_hub_download('tiny/encoder', 'model.safetensors')"),
    ):
        shutil.rmtree(place.cache, ignore_errors=True)
        blobs.mkdir(parents=True)
        (blobs / f"{digest}.incomplete").write_bytes(weights[:1000])
        ranges.clear()
        fetch()
        check("bytes=1000-" in ranges, f"ranges {ranges}")
        check((blobs / digest).read_bytes() == weights, "the bytes differ")
        check(sorted(path.name for path in blobs.glob("*.incomplete")) == [], "half a file is left")
    killed(hub, place, digest, weights, ranges)
    hub.send_file = send_file
    print("both go on from the other's unfinished file, and graft from its own when it was killed: ok", flush=True)
    place.remove()


def killed(hub, place, digest, weights, ranges):
    """A pull that is killed while the weights come leaves neither a snapshot nor a reference, and the next one goes on."""
    shutil.rmtree(place.cache)
    released = threading.Event()
    answer = hub.storage.RequestHandlerClass.do_GET

    def stall(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(weights)))
        request.end_headers()
        request.wfile.write(weights[: len(weights) // 2])
        request.wfile.flush()
        released.wait(30)

    hub.storage.RequestHandlerClass.do_GET = stall
    process = subprocess.Popen(
        [str(place.binary), "pull", "tiny/encoder", "--quiet"], env=place.environment, stdout=subprocess.DEVNULL
    )
    unfinished = place.cache / "models--tiny--encoder" / "blobs" / f"{digest}.incomplete"
    deadline = time.monotonic() + 20
    while not (unfinished.exists() and unfinished.stat().st_size == len(weights) // 2):
        check(process.poll() is None and time.monotonic() < deadline, "the pull did not get to the weights")
        time.sleep(0.05)
    process.kill()
    process.wait()
    released.set()
    hub.storage.RequestHandlerClass.do_GET = answer
    left = sorted(path.name for path in unfinished.parents[1].iterdir())
    check(left == ["blobs"], f"a killed pull left {left}")
    check("graft pull tiny/encoder" in place.graft("embed", "--model", "tiny/encoder", "x", code=1), "half a model was found")
    ranges.clear()
    place.graft("pull", "tiny/encoder", "--quiet")
    check(f"bytes={len(weights) // 2}-" in ranges, f"ranges {ranges}")
    check((unfinished.parent / digest).read_bytes() == weights, "the bytes differ")


def at_once(hub, binary):
    """Two pulls and huggingface_hub, all at the same time, on one cache."""
    place = Place(hub, binary)
    failures = []

    def run(action):
        try:
            action()
        except SystemExit as failure:
            failures.append(str(failure))

    actions = [lambda: place.graft("pull", "tiny/encoder", "--quiet")] * 2
    actions += [lambda: place.python(f"h.snapshot_download('tiny/encoder', allow_patterns={WANTED})")]
    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(failures == [], failures)
    snapshot = place.cache / "models--tiny--encoder" / "snapshots" / SECOND
    for name, content in hub.commits[SECOND].items():
        if (snapshot / name).exists():
            check((snapshot / name).read_bytes() == content, f"{name} differs")
    check((snapshot / "model.safetensors").exists(), "no weights")
    check(place.python("[str(w) for w in h.scan_cache_dir().warnings]") == [], "scan_cache_dir warns")
    print("two pulls and huggingface_hub at once: ok", flush=True)
    place.remove()


def tokens(hub, binary):
    place = Place(hub, binary)
    gated = place.graft("pull", "tiny/gated", code=1)
    check("is gated: ask for access on" in gated and "HF_TOKEN" in gated, gated)
    check("is private" in place.graft("pull", "tiny/private", code=1), "private")
    check("no branch, tag or commit nope" in place.graft("pull", "tiny/encoder", "--revision", "nope", code=1), "revision")
    check(not (place.cache / "models--tiny--gated" / "snapshots").exists(), "a refused pull left a snapshot")
    file = place.folder / "hf" / "token"
    file.parent.mkdir(exist_ok=True)
    for name, variables in (
        ("gated", {"HF_TOKEN": TOKEN}), ("private", {"HUGGING_FACE_HUB_TOKEN": TOKEN}), ("gated", {"HF_TOKEN_PATH": str(file)}),
        ("private", {}),
    ):
        if not set(variables) & {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}:
            file.write_text(TOKEN + "\n")
        shutil.rmtree(place.cache, ignore_errors=True)
        place.graft("pull", f"tiny/{name}", **variables)
        check(place.python("h.get_token()", **variables) == TOKEN, "huggingface_hub finds another token")
    check(hub.leaks == [], f"the token went to the storage: {hub.leaks}")
    print("gated and private models by token, from each of its places, and to the Hub alone: ok", flush=True)
    place.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an encoder folder to serve")
    parser.add_argument("--graft", type=Path, default=BINARY, help="the binary (default: .build/release/graft)")
    arguments = parser.parse_args()
    hub = Hub(arguments.model)
    binary = arguments.graft.resolve()
    graft_first(hub, binary)
    python_first(hub, binary, ["a goal", "the parliament"])
    same_layout(hub, binary)
    interrupted(hub, binary)
    at_once(hub, binary)
    tokens(hub, binary)
    print(f"{checks} checks, huggingface_hub {hub_version()}: ok")


def hub_version():
    import huggingface_hub

    return huggingface_hub.__version__


if __name__ == "__main__":
    main()
