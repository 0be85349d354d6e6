/** Filters as text: adding a condition, and taking one of several out again. Pure. */
import { type Column, columnTerm, quoted } from "@/features/experiment/columns";
import { filterOf } from "@/features/experiment/data";
import type { Cell } from "./records";

/** A value as the filter language writes it; null for what it has no word for. */
function literal(column: Column, value: Cell): string | null {
  if (typeof value !== "number") return value === null ? null : quoted(value);
  if (Number.isNaN(value)) return null;
  if (column.kind === "param" || column.kind === "tag") return quoted(String(value));
  return value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value);
}

/** `column operator value`; null where no such condition can be written. */
export function condition(column: Column, operator: "=" | "!=" | ">=" | "<=", value: Cell): string | null {
  if (value === null && (column.kind === "param" || column.kind === "tag"))
    return `${columnTerm(column)} ${operator === "=" ? "IS NULL" : "IS NOT NULL"}`;
  const text = literal(column, value);
  return text === null ? null : `${columnTerm(column)} ${operator} ${text}`;
}

/** A filter that asks for one thing more. */
export function narrowed(typed: string | undefined, term: string): string {
  const parts = terms(filterOf(typed));
  return parts.includes(term) ? parts.join(" and ") : [...parts, term].join(" and ");
}

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|[()]|[^\s()'"`]+|\s+|./g;

/** The conditions that a filter joins with `and`, outside of parentheses; one if there is an `or` among them. */
export function terms(filter: string): string[] {
  const found: string[] = [];
  let part = "";
  let depth = 0;
  for (const [token] of filter.matchAll(TOKEN)) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    const word = token.toLowerCase();
    if (depth === 0 && word === "or") return [filter.trim()];
    if (depth === 0 && word === "and") {
      found.push(part.trim());
      part = "";
    } else part += token;
  }
  found.push(part.trim());
  return found.filter(Boolean);
}

/** The filter without one of its conditions. */
export function without(filter: string, term: string): string {
  return terms(filter)
    .filter((one) => one !== term)
    .join(" and ");
}
