"""Serve the approved digits model, ask it a digit, then promote a better one while requests flow.

Part of `make demo`; after it, in the same folder, it runs by itself too: `python serve_digits.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

import assay

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL, TARGET = "digits", "Production"
AUTHOR, APPROVER = "alice", "bea"


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that answers with the version in Production, whichever that is."""
    command = ["serve", f"models:/{MODEL}/{TARGET}", "--port", "0", "--env-manager", "local"]
    with Path("serving.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "assay", *command, "--follow", "0.2"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        if "http://" not in said:
            sys.exit(f"The model is not served; serving.log tells why. {said}")
        yield said[said.index("http://") :].split()[0]
    finally:
        server.terminate()
        server.wait()


def ask(url: str, pixels: list[float]) -> tuple[int, str]:
    """The digit that a picture shows, and the version that says so."""
    columns = [f"pixel{place}" for place in range(len(pixels))]
    body = json.dumps({"dataframe_split": {"columns": columns, "data": [pixels]}}).encode()
    request = urllib.request.Request(
        f"{url}/invocations", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        (digit,) = json.load(response)["predictions"]
        return int(digit), response.headers["x-assay-version"]


def promote(version: int) -> None:
    """Move a version to Production: one asks, the policy's gates judge, another one approves."""
    os.environ["ASSAY_USER"] = AUTHOR
    request = assay.registry.promote(
        MODEL, version=version, to=TARGET, reason="the sevens were the customer's"
    )
    subprocess.run(
        [sys.executable, "-m", "assay", "registry", "approve", request.request_id],
        env={**os.environ, "ASSAY_USER": APPROVER},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def show(console: Console) -> None:
    """Serve, ask, promote, and count what was answered meanwhile."""
    pictures = StandardScaler().fit_transform(load_digits().data).tolist()
    truth = load_digits().target
    with serving() as url:
        console.print(f"\nServing models:/{MODEL}/{TARGET} at {url}/invocations:")
        digit, version = ask(url, pictures[0])
        console.print(f"  picture 0 shows a {digit} (it is a {truth[0]}), says version {version}")

        answered: Counter[str] = Counter()
        failed = 0
        done = threading.Event()

        def keep_asking() -> None:
            nonlocal failed
            place = 0
            while not done.is_set():
                place = (place + 1) % len(pictures)
                try:
                    answered[ask(url, pictures[place])[1]] += 1
                except OSError:
                    failed += 1

        asking = threading.Thread(target=keep_asking)
        asking.start()
        other = next(one for one in ("1", "2") if one != version)
        console.print(f"  promoting version {other} while requests flow …")
        promote(int(other))
        deadline = time.monotonic() + 60
        while not answered[other] and time.monotonic() < deadline:
            done.wait(0.05)
        done.wait(0.5)
        done.set()
        asking.join()
        told = ", ".join(f"{count} by version {one}" for one, count in sorted(answered.items()))
        console.print(f"  requests answered meanwhile: {told}; failed: {failed}")
        if failed or not answered[other]:
            sys.exit("Requests were lost, or the promoted version never answered.")


if __name__ == "__main__":
    show(Console(soft_wrap=True))
