/** Values as they are compared: by what they mean, not by how they were written. Pure. */

export type Cell = number | string | null;

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,9}))?$/;
const WORDS = new Map<string, string>([
  ["nan", "n:nan"],
  ["inf", "n:inf"],
  ["+inf", "n:inf"],
  ["infinity", "n:inf"],
  ["+infinity", "n:inf"],
  ["-inf", "n:-inf"],
  ["-infinity", "n:-inf"],
  ["true", "b:true"],
  ["false", "b:false"],
]);
const MAX_JSON = 20_000;

/** A decimal number exactly: digits without zeros at the ends, and the power of ten of the last one. */
function exactDecimal(text: string): string | null {
  const found = DECIMAL.exec(text);
  if (!found || !(found[2] || found[3])) return null;
  const all = (found[2] ?? "") + (found[3] ?? "");
  const digits = all.replace(/^0+/, "");
  const short = digits.replace(/0+$/, "");
  if (short === "") return "n:0";
  const power = Number(found[4] ?? 0) - (found[3] ?? "").length + (digits.length - short.length);
  return `n:${found[1] === "-" ? "-" : ""}${short}e${power}`;
}

function canonicalJson(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join()}}`;
  }
  return String(value);
}

/** What a value means: equal for `1e-3` and `0.001`, `True` and `true`, JSON of any spacing and key order. */
export function meaning(value: Cell): string | null {
  if (value === null) return null;
  const text = String(value).trim();
  const known = WORDS.get(text.toLowerCase()) ?? exactDecimal(text);
  if (known) return known;
  if (/^[[{]/.test(text) && text.length <= MAX_JSON) {
    try {
      return `j:${canonicalJson(JSON.parse(text))}`;
    } catch {
      // Looks like JSON only: compared as text.
    }
  }
  return `t:${text}`;
}

export function sameValue(a: Cell, b: Cell): boolean {
  return a === b || meaning(a) === meaning(b);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A value as a number, NaN and infinities too; null if it is none. */
export function numberOf(value: Cell | undefined): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return value;
  const text = value.trim();
  if (NUMBER.test(text)) return Number(text);
  switch (WORDS.get(text.toLowerCase())) {
    case "n:nan":
      return Number.NaN;
    case "n:inf":
      return Number.POSITIVE_INFINITY;
    case "n:-inf":
      return Number.NEGATIVE_INFINITY;
    default:
      return null;
  }
}
