/** Colours of code, piece by piece, from a worker that is started only where there is code. */
import { useEffect, useRef, useState } from "react";
import type { ColourAnswer, ColourRequest } from "./highlight.worker";
import type { Span } from "./spans";
import type { TextSource, TextState } from "./textSource";
import type { Token } from "./tokens";

/** Beyond this a text stays plain: colouring it would take longer than reading it. */
const MAX_LINES = 60_000;
const MAX_LINE_CHARS = 2_000;

/** Lines with their colours; a line without an entry is plain. */
export function useColours(
  source: TextSource,
  state: TextState,
  language: string | undefined,
): Map<number, Token[]> {
  const [coloured, setColoured] = useState(() => new Map<number, Token[]>());
  const done = useRef(0);
  const worker = useRef<Worker | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another text or language starts anew
  useEffect(() => {
    done.current = 0;
    setColoured(new Map());
    return () => {
      worker.current?.terminate();
      worker.current = null;
    };
  }, [source, language]);

  useEffect(() => {
    const from = done.current;
    const to = Math.min(source.lines.length, MAX_LINES);
    if (!language || state.binary || from >= to) return;
    const part = source.lines.slice(from, to);
    done.current = to;
    if (part.some((line) => line.length > MAX_LINE_CHARS)) return;
    worker.current ??= new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module" });
    const hear = (event: MessageEvent<ColourAnswer>) => {
      if (event.data.id !== from) return;
      worker.current?.removeEventListener("message", hear);
      setColoured((before) => {
        const after = new Map(before);
        event.data.lines.forEach((tokens, place) => {
          after.set(from + place, tokens);
        });
        return after;
      });
    };
    worker.current.addEventListener("message", hear);
    worker.current.postMessage({ id: from, language, text: part.join("\n") } satisfies ColourRequest);
  }, [source, state, language]);

  return coloured;
}

export function spansOfTokens(tokens: Token[] | undefined, line: string): Span[] {
  if (!tokens) return [{ text: line }];
  return tokens.map(([kind, text]) => ({ text, name: kind === "number" ? "number_" : kind }));
}
