/** Columns of the run table, and their short names in the address. */
import type { BodyOf } from "@/api/client";

export type Stat = "last" | "min" | "max" | "mean" | "first" | "count";
export type Column = Exclude<NonNullable<BodyOf<"/api/assay/v1/runs/rows">["columns"]>, string>[number];

const LETTERS = { m: "metric", p: "param", t: "tag", a: "attribute" } as const;
const KINDS = { metric: "m", param: "p", tag: "t", attribute: "a" } as const;
const STATS: Stat[] = ["last", "min", "max", "mean", "first", "count"];

/** `m:loss` is a metric's last value, `m.min:loss` its least; `p:`, `t:` and `a:` are params, tags, attributes. */
export function columnId(column: Column): string {
  const letter = KINDS[column.kind as keyof typeof KINDS];
  const stat = column.kind === "metric" && column.stat && column.stat !== "last" ? `.${column.stat}` : "";
  return `${letter}${stat}:${column.key}`;
}

/** The column of a short name; null if it is none. */
export function parseColumn(id: string): Column | null {
  const found = id.match(/^([mpta])(?:\.([a-z]+))?:([\s\S]+)$/);
  if (!found) return null;
  const kind = LETTERS[found[1] as keyof typeof LETTERS];
  const stat = (found[2] ?? "last") as Stat;
  if (!STATS.includes(stat) || (kind !== "metric" && found[2])) return null;
  return { kind, key: found[3] as string, stat };
}

/** How a column is written in the filter and order language. */
export function columnTerm(column: Column): string {
  if (column.kind === "attribute") return `attributes.${column.key}`;
  const key = `\`${column.key.replaceAll("`", "``")}\``;
  const stat = column.kind === "metric" && column.stat && column.stat !== "last" ? `.${column.stat}` : "";
  return `${column.kind}s.${key}${stat}`;
}

/** A text as a value of the filter language. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
