import { describe, expect, test } from "vitest";
import { type Declared, emptyCounts, fieldOf, parseDeclared, problemOfValue } from "./declared";
import {
  keptJson,
  type Launch,
  launchJson,
  parametersOf,
  parseLaunch,
  plainRows,
  rowsOf,
  stillDeclared,
} from "./launch";

const declare = (more: Partial<Declared> = {}): Declared => ({
  name: "x",
  type: "string",
  default: null,
  required: true,
  help: "",
  choices: [],
  min: null,
  max: null,
  ...more,
});
const RATE = declare({ name: "rate", type: "float", default: "0.1", required: false, min: 0, max: 1 });
const DEPTH = declare({ name: "depth", type: "int", required: false });
const KIND = declare({ name: "kind", type: "enum", choices: ["tree", "line"] });
const LABEL = declare({ name: "label" });
const LAUNCH: Launch = {
  project: "https://git.example.org/a/b.git",
  version: "main",
  entryPoint: "main",
  parameters: { kind: "tree", rate: "0.5", label: "", more: "1" },
  declared: [RATE, DEPTH, KIND, LABEL],
  others: {},
};

describe("declarations", () => {
  test("are read as the project's launch keeps them, and what is none is left out", () => {
    const kept = [{ ...RATE, key_dir: "" }, { name: "plain" }, { name: "" }, 3, null, { type: "int" }];
    expect(parseDeclared(kept)).toEqual([RATE, declare({ name: "plain" })]);
    expect(parseDeclared([{ name: "x", type: "odd", choices: ["a", 1, "a"], min: "0" }])).toEqual([
      declare({ choices: ["a"] }),
    ]);
    expect(parseDeclared([{ name: "x", help: "first" }, { name: "x" }])).toEqual([declare()]);
    for (const none of [undefined, null, {}, "x", Array(2_000).fill({ name: "x" })])
      expect(parseDeclared(none)).toEqual([]);
  });

  test("a type has its field", () => {
    expect(fieldOf(RATE, "0.5")).toEqual({ kind: "number", min: 0, max: 1, step: "any" });
    expect(fieldOf(DEPTH, undefined)).toEqual({ kind: "number", step: 1 });
    expect(fieldOf(KIND, "tree")).toEqual({ kind: "select", choices: ["tree", "line"] });
    expect(fieldOf(declare({ type: "int", choices: ["1", "2"] }), "1").kind).toBe("select");
    for (const type of ["string", "path", "uri"] as const)
      expect(fieldOf(declare({ type }), "a").kind).toBe("text");
  });

  test("a field shows what was given, in its spelling", () => {
    const bool = declare({ type: "bool" });
    const words = (given?: string) => {
      const field = fieldOf(bool, given);
      return field.kind === "select" ? field.choices : [];
    };
    expect(["true", "No", "ON", "1", undefined].map(words)).toEqual([
      ["true", "false"],
      ["Yes", "No"],
      ["ON", "OFF"],
      ["1", "0"],
      ["true", "false"],
    ]);
    expect(words("maybe")[0]).toBe("maybe");
    expect(fieldOf(KIND, "old")).toEqual({ kind: "select", choices: ["old", "tree", "line"] });
    // An input for numbers would empty itself of these.
    for (const given of ["inf", "nan", "5.", "+5", " 1", "auto", "1e999"])
      expect([given, fieldOf(declare({ type: "float" }), given).kind]).toEqual([given, "text"]);
    for (const given of ["5", "-.5", "1e-3"]) expect(fieldOf(RATE, given).kind).toBe("number");
  });

  test("what doesn't fit is told in the words of the command line", () => {
    const number = (more: Partial<Declared>) => declare({ type: "float", ...more });
    for (const [declared, value, problem] of [
      [declare({ type: "int" }), "1.5", "'x' must be a whole number, got '1.5'"],
      [number({}), "fast", "'x' must be a number, got 'fast'"],
      [number({}), "1_0", "'x' must be a number, got '1_0'"],
      [declare({ type: "bool" }), "maybe", "'x' must be true or false, got 'maybe'"],
      [KIND, "it's", `'kind' must be one of tree, line, got "it's"`],
      [RATE, "2", "'rate' must be from 0 to 1, got '2'"],
      [RATE, "nan", "'rate' must be from 0 to 1, got 'nan'"],
      [number({ min: 0.00001 }), "0", "'x' must be at least 1e-05, got '0'"],
      [number({ max: 1234567 }), "inf", "'x' must be at most 1.23457e+06, got 'inf'"],
      [declare({ type: "int", max: 250 }), "251", "'x' must be at most 250, got '251'"],
      [declare({ type: "path" }), "", "'x' (path) has no default and must be given"],
      [declare(), "a\0", "'x' holds a NUL character, which no argument can"],
      [declare(), "y".repeat(100_001), "'x' is limited to 100000 characters, got 100001"],
      [number({}), `\n${"y".repeat(70)}`, `'x' must be a number, got '\\n${"y".repeat(56)}...'`],
    ] as const)
      expect(problemOfValue(declared, value, "before")).toBe(problem);
  });

  test("what fits is taken to the letter", () => {
    for (const [declared, value] of [
      [declare({ type: "int" }), "+12345678901234567890"],
      [declare({ type: "float" }), "-inf"],
      [declare({ type: "float" }), " 5. "],
      [declare({ type: "float", min: 0 }), "Infinity"],
      [declare({ type: "bool" }), "Off"],
      [declare({ type: "int", default: "auto" }), "auto"],
      [RATE, "1"],
      [RATE, ""],
      [LABEL, ""],
      [LABEL, "$(touch x)\n"],
    ] as const)
      expect([value, problemOfValue(declared, value, "before")]).toEqual([value, null]);
  });

  test("an empty field is a value of a text that had one, and else leaves the parameter out", () => {
    expect(emptyCounts(LABEL, "before")).toBe(true);
    expect(emptyCounts(LABEL, undefined)).toBe(false);
    expect(emptyCounts(RATE, "0.5")).toBe(false);
    expect(emptyCounts(KIND, "tree")).toBe(false);
    expect(problemOfValue(LABEL, "", undefined)).toBe("'label' (string) has no default and must be given");
  });
});

describe("a form of declared parameters", () => {
  const given = LAUNCH.parameters;
  const rows = rowsOf(LAUNCH);
  const change = (name: string, to: object) =>
    rows.map((row) => (row.name === name ? { ...row, ...to } : row));

  test("sends what the run before was given, and extras", () => {
    expect(rows.map(({ name, isDeclared = false }) => [name, isDeclared])).toEqual([
      ["rate", true],
      ["depth", true],
      ["kind", true],
      ["label", true],
      ["more", false],
    ]);
    expect(parametersOf(rows, LAUNCH.declared, given)).toEqual({ values: given, wrong: [], problems: {} });
  });

  test("tells what doesn't fit, and leaves out what is empty", () => {
    const cleared = parametersOf(change("rate", { value: "" }), LAUNCH.declared, given);
    expect(cleared.values).not.toHaveProperty("rate");
    expect(cleared.problems).toEqual({});
    const bad = parametersOf(change("depth", { value: "", isBad: true }), LAUNCH.declared, given);
    expect(bad.problems).toEqual({ depth: "'depth' must be a whole number" });
    const unset = parametersOf(change("kind", { value: "" }), LAUNCH.declared, given);
    expect(unset.problems).toEqual({ kind: "'kind' (enum) has no default and must be given" });
    const twice = parametersOf(change("more", { name: "depth" }), LAUNCH.declared, given);
    expect(twice.wrong).toEqual(["depth"]);
  });

  test("takes any name for a name", () => {
    const odd = ["constructor", "__proto__"].map((name) => declare({ name, required: false }));
    const none = rowsOf({ ...LAUNCH, declared: odd, parameters: {} });
    expect(none.map(({ value }) => value)).toEqual(["", ""]);
    expect(parametersOf(none, odd, {})).toEqual({ values: {}, wrong: [], problems: {} });
    expect(plainRows(none, [], {})).toEqual([]);
  });

  test("is one of plain rows where other code may declare something else", () => {
    expect(stillDeclared({ ...LAUNCH, entryPoint: " main " }, LAUNCH)).toBe(LAUNCH.declared);
    for (const other of [{ entryPoint: "test" }, { version: "" }, { project: "git@host:a/b" }])
      expect(stillDeclared({ ...LAUNCH, ...other }, LAUNCH)).toEqual([]);
    expect(stillDeclared({ ...LAUNCH, others: { command: ["true"] } }, LAUNCH)).toEqual([]);
    expect(plainRows(rows, [], given).map(({ name }) => name)).toEqual(["rate", "kind", "label", "more"]);
    expect(parametersOf(rows, [], given)).toEqual({ values: given, wrong: [], problems: {} });
  });

  test("hands its declarations on with the run, and not to a queue", () => {
    const run = { runId: "new", experimentId: "7" };
    expect(parseLaunch(keptJson(LAUNCH, run))).toEqual(LAUNCH);
    expect(JSON.parse(launchJson(LAUNCH, run))).not.toHaveProperty("declared");
    expect(JSON.parse(keptJson({ ...LAUNCH, declared: [] }, run))).not.toHaveProperty("declared");
  });
});
