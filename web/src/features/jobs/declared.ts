/** What an entry point declares of its parameters, and whether a value fits: told as the command line tells it. */

const TYPES = ["string", "float", "int", "bool", "path", "uri", "enum"] as const;
export type DeclaredType = (typeof TYPES)[number];

/** A parameter of an entry point, as `assay.projects.spec` has it. */
export interface Declared {
  name: string;
  type: DeclaredType;
  default: string | null;
  required: boolean;
  help: string;
  choices: string[];
  min: number | null;
  max: number | null;
}

/** How the value of a parameter is asked for. */
export type Field =
  | { kind: "number"; min?: number; max?: number; step: number | "any" }
  | { kind: "select"; choices: string[] }
  | { kind: "text" };

/** A form of more fields than this is of no use. */
const MOST = 1_000;
const MAX_VALUE = 100_000;
const MAX_SHOWN = 60;
const INT = /^[+-]?\d+$/;
const FLOAT = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
const NO_DIGITS = /^\s*([+-]?)(?:(inf(?:inity)?)|nan)\s*$/i;
/** What an input for numbers shows; it empties itself of other spellings, such as `+1`, `5.` and `inf`. */
const SHOWN_AS_NUMBER = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?$/i;
const BOOLEANS = [
  ["true", "false"],
  ["yes", "no"],
  ["on", "off"],
  ["1", "0"],
] as const;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const numberOrNull = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** Declarations from a kept launch; those that are none are left out. */
export function parseDeclared(raw: unknown): Declared[] {
  if (!Array.isArray(raw) || raw.length > MOST) return [];
  const found = new Map<string, Declared>();
  for (const one of raw) {
    if (!isRecord(one) || typeof one.name !== "string" || !one.name) continue;
    found.set(one.name, {
      name: one.name,
      type: TYPES.find((type) => type === one.type) ?? "string",
      default: typeof one.default === "string" ? one.default : null,
      required: one.required !== false,
      help: typeof one.help === "string" ? one.help : "",
      choices: Array.isArray(one.choices)
        ? [...new Set(one.choices.filter((choice) => typeof choice === "string"))]
        : [],
      min: numberOrNull(one.min),
      max: numberOrNull(one.max),
    });
  }
  return [...found.values()];
}

/** The field of a parameter that had the value `given` before. */
export function fieldOf(declared: Declared, given: string | undefined): Field {
  const { type, choices } = declared;
  if (choices.length > 0) return { kind: "select", choices: withGiven(choices, given) };
  if (type === "bool") {
    return { kind: "select", choices: withGiven(booleansLike(given ?? declared.default ?? ""), given) };
  }
  const shown = !given || (SHOWN_AS_NUMBER.test(given) && Number.isFinite(Number(given)));
  if ((type === "int" || type === "float") && shown) {
    return {
      kind: "number",
      min: declared.min ?? undefined,
      max: declared.max ?? undefined,
      step: type === "int" ? 1 : "any",
    };
  }
  return { kind: "text" };
}

const withGiven = (choices: string[], given: string | undefined): string[] =>
  !given || choices.includes(given) ? choices : [given, ...choices];

/** True and false, spelled as `value` is: a command may compare the word that it gets. */
function booleansLike(value: string): string[] {
  const lower = value.toLowerCase();
  const pair = BOOLEANS.find((words) => words.some((word) => word === lower)) ?? BOOLEANS[0];
  if (value === lower) return [...pair];
  if (value === value.toUpperCase()) return pair.map((word) => word.toUpperCase());
  return pair.map((word) => word.charAt(0).toUpperCase() + word.slice(1));
}

/** Whether an empty field is a value. Else the parameter is left out, and its default holds. */
export function emptyCounts(declared: Declared, given: string | undefined): boolean {
  const isText = declared.type === "string" || declared.type === "enum";
  const takesEmpty = isText && (declared.choices.length === 0 || declared.choices.includes(""));
  return takesEmpty && given !== undefined;
}

/** Whether the field can't stay empty. */
export const mustBeGiven = (declared: Declared): boolean => declared.required && declared.default === null;

/** What is wrong with a field's text, by the rules of `assay.projects.parameters`; null if it fits. */
export function problemOfValue(declared: Declared, value: string, given: string | undefined): string | null {
  const name = quoted(declared.name);
  if (value === "" && !emptyCounts(declared, given)) {
    return mustBeGiven(declared) ? `${name} (${declared.type}) has no default and must be given` : null;
  }
  // A default holds as it is, whatever the type: MLflow's may be anything.
  if (value === declared.default) return null;
  if (value.includes("\0")) return `${name} holds a NUL character, which no argument can`;
  const { length } = Array.from(value);
  if (length > MAX_VALUE) return `${name} is limited to ${MAX_VALUE} characters, got ${length}`;
  const wanted = wantedInstead(declared, value);
  return wanted && `${name} must be ${wanted}, got ${quoted(value)}`;
}

/** What a field must have instead of text that its browser can't read as a number. */
export const problemOfBadNumber = (declared: Declared): string =>
  `${quoted(declared.name)} must be ${declared.type === "int" ? "a whole number" : "a number"}`;

function wantedInstead({ type, choices, min, max }: Declared, value: string): string | null {
  if (type === "int" && !INT.test(value)) return "a whole number";
  if (type === "float" && !FLOAT.test(value) && !NO_DIGITS.test(value)) return "a number";
  if (type === "bool" && !BOOLEANS.flat().some((word) => word === value.toLowerCase()))
    return "true or false";
  if ((type === "path" || type === "uri") && value === "") return "a URI or a path";
  if (choices.length > 0 && !choices.includes(value)) return `one of ${choices.join(", ")}`;
  if (min === null && max === null) return null;
  const number = numberOf(value);
  if ((min ?? -Infinity) <= number && number <= (max ?? Infinity)) return null;
  if (max === null) return `at least ${short(min ?? 0)}`;
  return min === null ? `at most ${short(max)}` : `from ${short(min)} to ${short(max)}`;
}

function numberOf(text: string): number {
  const [, sign, infinity] = text.match(NO_DIGITS) ?? [];
  if (!infinity) return Number(text);
  return sign === "-" ? -Infinity : Infinity;
}

/** A number as Python's format `g` has it. */
function short(number: number): string {
  if (number === 0) return "0";
  const [digits = "", power = "0"] = number.toExponential(5).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(Number(number.toPrecision(6)));
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${Number(digits)}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** Text in quotes, as Python's `repr` has it. */
function quoted(text: string): string {
  const all = Array.from(text);
  const shown = all.length <= MAX_SHOWN ? text : `${all.slice(0, MAX_SHOWN - 3).join("")}...`;
  const mark = shown.includes("'") && !shown.includes('"') ? '"' : "'";
  const inner = shown
    .replaceAll("\\", "\\\\")
    .replaceAll(mark, `\\${mark}`)
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return mark + inner + mark;
}
