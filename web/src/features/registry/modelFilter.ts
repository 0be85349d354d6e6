/** What was typed to find models, as a filter of the search language. */
import { quoted } from "@/features/experiment/columns";

const OPERATORS = /[=<>]|\b(?:i?like|in|is|not)\b/i;

/** Plain words are parts of the name; anything with an operator is an expression of the search language. */
export function modelFilter(typed: string): string {
  const text = typed.trim();
  if (!text || OPERATORS.test(text)) return text;
  return text
    .split(/\s+/)
    .map((word) => `name ILIKE ${quoted(`%${word.replace(/[!%_]/g, "!$&")}%`)} ESCAPE '!'`)
    .join(" and ");
}
