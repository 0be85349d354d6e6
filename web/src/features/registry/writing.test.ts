import { describe, expect, it } from "vitest";
import { headerText } from "@/app/me";
import { changeText, toCsv } from "./AuditTab";
import { rowsOf } from "./CompareVersions";
import type { AuditRecord } from "./data";
import { pinsOf, pythonOf } from "./ModelFiles";
import { modelFilter } from "./modelFilter";
import { python, shell } from "./snippets";

const record = (change: Partial<AuditRecord>): AuditRecord =>
  ({
    seq: 1,
    time: 1,
    actor: "ann",
    verified: false,
    action: "x",
    name: "m",
    version: 1,
    details: {},
    ...change,
  }) as AuditRecord;

describe("text for other programs", () => {
  it("is quoted for a shell and for Python, whatever it holds", () => {
    expect(shell("models:/digits/3")).toBe("models:/digits/3");
    expect(shell("it's $(rm)")).toBe("'it'\\''s $(rm)'");
    expect(shell("a\u202eb'\\")).toBe("$'a\\u202eb\\'\\\\'");
    expect(python('say "hi"\u202e🧪')).toBe('"say \\"hi\\"\\u202e\\U0001f9ea"');
  });

  it("travels in a header as UTF-8", () => {
    expect(headerText("Zoë")).toBe("ZoÃ«");
  });

  it("never becomes a formula of a spreadsheet", () => {
    const csv = toCsv([record({ reason: '=cmd|"x"', version: -1 })]);
    expect(csv).toContain(`"'=cmd|""x"""`);
    expect(csv).toContain('"-1"');
  });
});

describe("search", () => {
  it("takes words as parts of the name and expressions as they are", () => {
    expect(modelFilter("fraud 50%")).toBe(
      "name ILIKE '%fraud%' ESCAPE '!' and name ILIKE '%50!%%' ESCAPE '!'",
    );
    expect(modelFilter("tags.team = 'x'")).toBe("tags.team = 'x'");
    expect(modelFilter("  ")).toBe("");
  });
});

describe("history", () => {
  it("tells moves as old and new holders", () => {
    const moves = [
      { target: "None", from: [], to: [2] },
      { target: "Production", from: [1], to: [2] },
    ];
    expect(changeText(record({ details: { moves } }))).toBe("No stage: – → 2; Production: 1 → 2");
    expect(changeText(record({ details: { key: "a", tags: {} } }))).toBe("key: a");
  });
});

describe("comparison", () => {
  it("takes numbers that are written differently for the same", () => {
    const before = new Map([
      ["lr", "1e-3"],
      ["a", "x"],
      ["gone", ""],
    ]);
    const after = new Map([
      ["lr", "0.001"],
      ["a", "y"],
    ]);
    expect(rowsOf(before, after, true).map(([name]) => name)).toEqual(["a", "gone"]);
    expect(rowsOf(before, after, false)).toHaveLength(3);
  });

  it("reads pins and Python from the model's files", () => {
    const pins = pinsOf("numpy==2.1\n# note\nfoo>=1,<2  # why\n-c constraints.txt\nbar[x]==1\nbare");
    expect([...pins]).toEqual([
      ["numpy", "2.1"],
      ["foo", ">=1,<2"],
      ["bar", "[x]==1"],
      ["bare", ""],
    ]);
    expect(pythonOf("python: 3.11.7\ndependencies: []")).toBe("3.11.7");
  });
});
