/** What can come next in a filter that is being typed. Pure: keys and values are given to it. */
import { type Column, columnTerm, quoted } from "@/features/experiment/columns";
import type { Keys } from "@/features/experiment/data";
import { ATTRIBUTES } from "./tableColumns";

export type Want =
  /** A field, of which `part` is typed already. */
  | { what: "field"; part: string; from: number }
  | { what: "operator"; part: string; from: number; column: Column }
  | { what: "value"; part: string; from: number; column: Column }
  | { what: "joint"; part: string; from: number };

export interface Suggestion {
  text: string;
  /** What stands in the box after it was taken. */
  insert: string;
  detail?: string;
}

const TOKEN =
  /'(?:[^']|'')*'?|`(?:[^`]|``)*`?(?:\.[a-z]*)?|[A-Za-z_][\w./@:-]*(?:`(?:[^`]|``)*`?(?:\.[a-z]*)?)?|[=<>!]+|[()]|,|[^\s]/g;
const OPERATOR = /^(?:[=<>!]+|like|ilike|in|is)$/i;
const JOINT = /^(?:and|or|not|\()$/i;
const FIELD =
  /^(metric|param|parameter|tag|attribute|attr|run)s?\.(?:`((?:[^`]|``)*)`|([^`]+?))(?:\.(min|max|mean|first|last|count))?$/i;
const KINDS: Record<string, string> = {
  metric: "metric",
  param: "param",
  parameter: "param",
  tag: "tag",
  attribute: "attribute",
  attr: "attribute",
  run: "attribute",
};
const MOST = 12;
const PLAIN_KEY = /^[A-Za-z_][\w]*$/;

/** The column that a word of a filter names. */
export function fieldOf(word: string): Column | null {
  const found = word.match(FIELD);
  if (found) {
    const kind = KINDS[(found[1] ?? "").toLowerCase()] as Column["kind"];
    const key = found[2] === undefined ? (found[3] ?? "") : found[2].replaceAll("``", "`");
    return { kind, key, stat: (found[4] ?? "last") as Column["stat"] };
  }
  if (ATTRIBUTES.some((one) => one === word)) return { kind: "attribute", key: word, stat: "last" };
  return null;
}

/** What is wanted where the caret stands. */
export function wantedAt(text: string, caret: number): Want {
  const before = text.slice(0, caret);
  const tokens = [...before.matchAll(TOKEN)].map((one) => ({ text: one[0], from: one.index }));
  const last = tokens.at(-1);
  const typing = last !== undefined && last.from + last.text.length === caret && !/[\s(]$/.test(before);
  const part = typing ? last.text : "";
  const from = typing ? last.from : caret;
  const done = typing ? tokens.slice(0, -1) : tokens;
  const previous = done.at(-1)?.text;
  const column = (back: number) => fieldOf(done.at(back)?.text ?? "");
  if (previous === undefined || JOINT.test(previous)) return { what: "field", part, from };
  if (OPERATOR.test(previous)) {
    const field = column(-2);
    return field ? { what: "value", part, from, column: field } : { what: "joint", part, from };
  }
  const field = column(-1);
  if (field && !isValue(done.map((one) => one.text))) return { what: "operator", part, from, column: field };
  return { what: "joint", part, from };
}

function isValue(done: string[]): boolean {
  return OPERATOR.test(done.at(-2) ?? "");
}

function shortTerm(column: Column): string {
  if (column.kind === "attribute") return column.key;
  return PLAIN_KEY.test(column.key) ? `${column.kind}s.${column.key}` : columnTerm(column);
}

function ranked(key: string, part: string): number {
  const at = key.toLowerCase().indexOf(part);
  return at < 0 ? -1 : at === 0 ? 0 : /[^a-z0-9]/i.test(key[at - 1] ?? "") ? 1 : 2;
}

/** Fields whose name fits what is typed, the most common first. */
export function fields(keys: Keys | undefined, part: string, detail: (runs: number) => string): Suggestion[] {
  const typed = part.match(/^(metric|param|parameter|tag|attribute|attr|run)s?\.`?(.*)$/i);
  const only = typed ? KINDS[(typed[1] ?? "").toLowerCase()] : undefined;
  const word = (typed?.[2] ?? part).replaceAll("`", "").toLowerCase();
  const all: { column: Column; runs: number | null }[] = [
    ...(keys?.metrics ?? []).map((one) => ({
      column: { kind: "metric", key: one.key } as Column,
      runs: one.runs,
    })),
    ...(keys?.params ?? []).map((one) => ({
      column: { kind: "param", key: one.key } as Column,
      runs: one.runs,
    })),
    ...ATTRIBUTES.map((key) => ({ column: { kind: "attribute", key } as Column, runs: null })),
    ...(keys?.tags ?? []).map((one) => ({ column: { kind: "tag", key: one.key } as Column, runs: one.runs })),
  ];
  const found: { rank: number; one: (typeof all)[number] }[] = [];
  for (const one of all) {
    if (only && one.column.kind !== only) continue;
    const rank = word ? ranked(one.column.key, word) : 0;
    if (rank >= 0) found.push({ rank, one });
  }
  found.sort((one, other) => one.rank - other.rank);
  return found.slice(0, MOST).map(({ one }) => {
    const term = shortTerm(one.column);
    return { text: term, insert: `${term} `, detail: one.runs === null ? undefined : detail(one.runs) };
  });
}

const NUMERIC = ["=", "!=", "<", "<=", ">", ">="];
const TEXTUAL = ["=", "!=", "LIKE", "ILIKE"];
const NUMBERS = new Set(["start_time", "end_time", "duration"]);

export function operators(column: Column, part: string): Suggestion[] {
  const numeric = column.kind === "metric" || (column.kind === "attribute" && NUMBERS.has(column.key));
  const all = numeric
    ? NUMERIC
    : column.kind === "attribute"
      ? TEXTUAL
      : [...TEXTUAL, "IS NULL", "IS NOT NULL", ...(column.kind === "param" ? NUMERIC.slice(2) : [])];
  return all
    .filter((one) => one.toLowerCase().startsWith(part.toLowerCase()))
    .map((one) => ({ text: one, insert: `${one} ` }));
}

/** Values as the server found them, in quotes. */
export function values(
  found: { value: string; runs: number }[],
  detail: (runs: number) => string,
): Suggestion[] {
  return found.slice(0, MOST).map((one) => ({
    text: one.value.slice(0, 200),
    insert: `${quoted(one.value)} `,
    detail: detail(one.runs),
  }));
}

export function joints(part: string): Suggestion[] {
  return ["and", "or"]
    .filter((one) => one.startsWith(part.toLowerCase()))
    .map((one) => ({ text: one, insert: `${one} ` }));
}

/** The text with a suggestion in the place of what was typed of it, and where the caret then stands. */
export function taken(
  text: string,
  caret: number,
  want: Want,
  suggestion: Suggestion,
): { text: string; caret: number } {
  const before = text.slice(0, want.from) + suggestion.insert;
  return { text: before + text.slice(caret).replace(/^\s+/, ""), caret: before.length };
}
