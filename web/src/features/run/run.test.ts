import { describe, expect, test } from "vitest";
import { LogIndex, lastException, levelOf } from "./logLines";
import { deltaText } from "./MetricTable";
import { downstreamOf, upstreamOf, versionParts } from "./nodes";
import { sameValue } from "./ParamTable";
import { readRequirements } from "./packages";
import { commitUrl, reproduceSteps } from "./reproduce";
import { listOf } from "./useNeighbours";

const ESC = "\u001b";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

describe("levels of log lines", () => {
  test("common formats name them", () => {
    expect(levelOf("2024-01-01 WARNING low")).toBe("warning");
    expect(levelOf("E0101 12:00:00 boom")).toBe("error");
    expect(levelOf("loss 0.3")).toBeNull();
  });

  test("a traceback is an error to its last line, and what follows is not", () => {
    const index = new LogIndex();
    const lines = ["start", "Traceback (most recent call last):", '  File "x"', "ValueError: bad", "after"];
    index.update(lines, 0);
    expect(lines.map((_, line) => index.levelAt(line))).toEqual(["info", "error", "error", "error", "info"]);
    expect(index.atLeast("error")).toEqual([1, 2, 3]);
  });

  test("looks go on over lines, and are known anew when a line changed", () => {
    const index = new LogIndex();
    index.update([`${ESC}[31mred`, "still"], 0);
    expect(index.lookAt(1)).toEqual({ colour: "red" });
    index.update([`${ESC}[31mred`, `still${ESC}[0m`, "plain"], 1);
    expect(index.lookAt(2)).toEqual({});
  });

  test("the last exception is found", () => {
    const found = lastException(["x", "Traceback (most recent call last):", "  at", "my.Error: no", "y"]);
    expect(found?.title).toBe("my.Error: no");
    expect(lastException(["fine"])).toBeNull();
  });
});

describe("how to do it again", () => {
  test("all that was captured is used, in its order", () => {
    const steps = reproduceSteps(
      {
        runId: "abc",
        commit: COMMIT,
        remote: "https://example.org/a/b.git",
        command: "python train.py",
        python: "cpython 3.11.2",
        hasPatch: true,
        hasRequirements: true,
      },
      "uv",
    );
    expect(steps.flatMap((step) => step.commands)).toEqual([
      "git clone -- https://example.org/a/b.git b",
      "cd -- b",
      `git checkout ${COMMIT}`,
      "assay artifacts get abc assay/source.patch",
      "git apply source.patch",
      "assay artifacts get abc assay/requirements.txt",
      "uv venv --python 3.11",
      "uv pip install -r requirements.txt",
      ". .venv/bin/activate",
      "python train.py",
    ]);
  });

  test("what was captured can't smuggle in commands", () => {
    const captured = { runId: "abc", hasPatch: false, hasRequirements: false };
    const steps = reproduceSteps({ ...captured, commit: COMMIT, remote: "x; rm -rf ~" }, "pip");
    expect(steps[0]?.commands[0]).toBe("git clone -- 'x; rm -rf ~' 'x; rm -rf ~'");
    expect(reproduceSteps({ ...captured, commit: "--orphan" }, "pip")).toEqual([]);
    expect(reproduceSteps({ ...captured, command: "a\nb" }, "pip")[0]?.commands).toEqual(["a\u240ab"]);
  });

  test("commits link to web pages only", () => {
    expect(commitUrl("git@gitlab.example.org:a/b.git", COMMIT)).toBe(
      `https://gitlab.example.org/a/b/-/commit/${COMMIT}`,
    );
    expect(commitUrl("https://example.org/a/b.git", COMMIT)).toBe(`https://example.org/a/b/commit/${COMMIT}`);
    expect(commitUrl("javascript:alert(1)//a/b", COMMIT)).toBeNull();
    expect(commitUrl("/srv/git/a.git", COMMIT)).toBeNull();
    expect(commitUrl("https://example.org/a/b", "x")).toBeNull();
  });
});

test("packages are read from pins", () => {
  const { python, packages } = readRequirements(
    "# Python 3.11.2\nnumpy==2.1.0\nmine==1.0  # editable, from file:///src\nfoo @ git+https://example.org/foo@abc\n",
  );
  expect(python).toBe("3.11.2");
  expect(packages.map((one) => [one.name, one.version])).toEqual([
    ["numpy", "2.1.0"],
    ["mine", "1.0"],
    ["foo", ""],
  ]);
});

test("differences have a sign and a share", () => {
  expect(deltaText(1.1, 1)).toBe("+0.1 (+10 %)");
  expect(deltaText(0, 0)).toBe("±0");
  expect(deltaText(Number.NaN, 1)).toBe("");
});

test("the same number in two spellings is no difference", () => {
  expect(sameValue("1e-3", "0.001")).toBe(true);
  expect(sameValue("", "0")).toBe(false);
});

test("a lineage is followed both ways, and cycles end", () => {
  const node = (kind: "run" | "dataset" | "model_version", id: string) => ({
    kind,
    id,
    label: "",
    facts: {},
  });
  const graph = {
    start: "run:r",
    nodes: [node("run", "r"), node("dataset", "d"), node("model_version", "m/1")],
    edges: [
      { source: "dataset:d", target: "run:r", relation: "used" },
      { source: "run:r", target: "model_version:m/1", relation: "registered as" },
      { source: "model_version:m/1", target: "run:r", relation: "used" },
    ],
    truncated: false,
  };
  expect(downstreamOf(graph).map((one) => one.id)).toEqual(["m/1"]);
  expect(upstreamOf(graph).map((one) => one.id)).toEqual(["d", "m/1"]);
  expect(versionParts("a/b/3")).toEqual({ name: "a/b", version: "3" });
});

test("the list that a run came from is read leniently", () => {
  expect(listOf("?q=loss&base=abc").base).toBe("abc");
  expect(listOf('{"q":"x"}').q).toBe("x");
  expect(listOf("{broken").q).toBeUndefined();
});
