/** Reads what highlight.js writes (spans with classes, escaped text) into pieces by line; anything else is text. */

/** Kind and text; the kind is empty for plain text. */
export type Token = [kind: string, text: string];

const PIECE = /<span class="hljs-([\w-]+)[^"]*">|<span[^>]*>|<\/span>|&(amp|lt|gt|quot|#x27);|[^<&]+|[<&]/g;
const SIGNS: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

export function tokenLines(html: string): Token[][] {
  const lines: Token[][] = [[]];
  const kinds: string[] = [];
  const add = (text: string) => {
    const kind = kinds.at(-1) ?? "";
    const parts = text.split("\n");
    parts.forEach((part, place) => {
      if (place) lines.push([]);
      if (!part) return;
      const line = lines.at(-1) as Token[];
      const last = line.at(-1);
      if (last?.[0] === kind) last[1] += part;
      else line.push([kind, part]);
    });
  };
  for (const [piece, kind, sign] of html.matchAll(PIECE)) {
    if (sign) add(SIGNS[sign] ?? piece);
    else if (piece === "</span>") kinds.pop();
    else if (piece.startsWith("<span")) kinds.push(kind ?? kinds.at(-1) ?? "");
    else add(piece);
  }
  return lines;
}
