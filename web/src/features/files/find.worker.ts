/** Searches a text's lines beside the page, so that a slow expression can be ended without stopping it. */

export type FindRequest =
  | { kind: "lines"; from: number; text: string }
  | { kind: "find"; id: number; pattern: string; regex: boolean; matchCase: boolean };

export interface FindAnswer {
  id: number;
  /** Numbers of the lines with a hit, from 0. */
  lines: Int32Array<ArrayBuffer>;
  more: boolean;
}

const MAX_HITS = 100_000;
const lines: string[] = [];

function test(request: Extract<FindRequest, { kind: "find" }>): (line: string) => boolean {
  if (request.regex) {
    const expression = new RegExp(request.pattern, request.matchCase ? "u" : "iu");
    return (line) => expression.test(line);
  }
  if (request.matchCase) return (line) => line.includes(request.pattern);
  const wanted = request.pattern.toLowerCase();
  return (line) => line.toLowerCase().includes(wanted);
}

self.addEventListener("message", (event: MessageEvent<FindRequest>) => {
  const request = event.data;
  if (request.kind === "lines") {
    lines.length = request.from;
    for (const line of request.text.split("\n")) lines.push(line);
    return;
  }
  const hit = test(request);
  const found: number[] = [];
  for (let i = 0; i < lines.length && found.length < MAX_HITS; i++) {
    if (hit(lines[i] as string)) found.push(i);
  }
  const answer: FindAnswer = {
    id: request.id,
    lines: Int32Array.from(found),
    more: found.length >= MAX_HITS,
  };
  self.postMessage(answer, { transfer: [answer.lines.buffer] });
});
