"""Programs in processes of their own that need not import the same libraries again: forks of an
interpreter that has imported them.

What takes seconds in every process, importing mlflow or scikit-learn, is done once. A program still
begins with an empty ``__main__``, and with its own folder, arguments and environment; it ends as
any other, with all that runs at an interpreter's exit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

_PARENT = """
import importlib, json, os, sys, types
for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
with open(os.devnull) as nothing, open(order["out"], "w") as out, open(order["err"], "w") as err:
    for number, file in enumerate((nothing, out, err)):
        os.dup2(file.fileno(), number)
os.chdir(order["folder"])
os.environ.clear()
os.environ.update(order["environment"])
sys.argv = ["-c", *order["arguments"]]
main = sys.modules["__main__"] = types.ModuleType("__main__")
exec(compile(order["code"], "<string>", "exec"), vars(main))
"""


class Forks:
    """An interpreter that has imported ``modules``, and forks itself for each program. A
    context.
    """

    def __init__(self, *modules: str, options: tuple[str, ...] = (), **environment: str) -> None:
        self._command = [sys.executable, *options, "-c", _PARENT, *modules]
        self._environment = environment
        self._parent: subprocess.Popen[str] | None = None

    def __enter__(self) -> Forks:
        self._parent = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        assert self._parent is not None
        if kind is not None:
            self._parent.kill()
        self._parent.communicate(timeout=30)

    def run(
        self, code: str, *arguments: str, folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        assert self._parent is not None
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        with TemporaryDirectory() as place:
            out, err = Path(place, "out"), Path(place, "err")
            order = {
                "code": code,
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(environment),
                "out": str(out),
                "err": str(err),
            }
            self._parent.stdin.write(json.dumps(order) + "\n")
            self._parent.stdin.flush()
            status = self._parent.stdout.readline()
            assert status, "the interpreter that forks has ended"
            said = (out.read_text(), err.read_text())
        return subprocess.CompletedProcess([code, *arguments], int(status), *said)
