/** Pieces of a line with their looks, and marking what a search found in them. */
import type { CSSProperties } from "react";

export interface Span {
  text: string;
  /** Name of a class in `code.module.css`; the colours stay in one place. */
  name?: string;
  style?: CSSProperties;
  marked?: boolean;
}

/** Longer lines are cut on the screen: one line of a megabyte would stop the browser. */
export const MAX_LINE = 5_000;

/** Cut spans where `ranges` (ascending, not overlapping) begin and end, and mark what lies within. */
export function markSpans(spans: Span[], ranges: [number, number][]): Span[] {
  if (!ranges.length) return spans;
  const result: Span[] = [];
  let at = 0;
  let next = 0;
  for (const span of spans) {
    const end = at + span.text.length;
    let from = at;
    while (from < end) {
      while (next < ranges.length && ranges[next]![1] <= from) next += 1;
      const range = ranges[next];
      const inside = range !== undefined && range[0] <= from;
      const to = Math.min(end, range === undefined ? end : inside ? range[1] : range[0]);
      result.push({ ...span, text: span.text.slice(from - at, to - at), marked: inside || undefined });
      from = to;
    }
    at = end;
  }
  return result;
}

/** Cut spans behind `length` characters; the answer's second part tells how many were left out. */
export function cutSpans(spans: Span[], length = MAX_LINE): [Span[], number] {
  let left = length;
  const shown: Span[] = [];
  let cut = 0;
  for (const span of spans) {
    if (span.text.length <= left) shown.push(span);
    else {
      if (left > 0) shown.push({ ...span, text: span.text.slice(0, left) });
      cut += span.text.length - left;
    }
    left = Math.max(0, left - span.text.length);
  }
  return [shown, cut];
}

const UNSEEN = /[\p{Cc}\p{Bidi_Control}]/gu;
/** Characters that would not be seen, or turn the text around, as pictures of themselves; tabs stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (sign) => {
    const code = sign.charCodeAt(0);
    if (sign === "\t") return sign;
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "�";
  });
}
