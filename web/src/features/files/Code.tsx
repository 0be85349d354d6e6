/** A short piece of code, whole and coloured. */
import { useEffect, useState } from "react";
import codeStyles from "./code.module.css";
import type { ColourAnswer, ColourRequest } from "./highlight.worker";
import type { Span } from "./spans";
import { spansOfTokens } from "./useColours";
import styles from "./views.module.css";

/** One worker for all short pieces of a page; pages that have none never start it. */
let worker: Worker | null = null;
let next = 1;

function useSpans(text: string, language: string | undefined): Span[] {
  const [found, setFound] = useState<{ text: string; spans: Span[] } | null>(null);
  useEffect(() => {
    if (!language) return;
    worker ??= new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module" });
    const id = next++;
    const shared = worker;
    const hear = ({ data }: MessageEvent<ColourAnswer>) => {
      if (data.id !== id) return;
      shared.removeEventListener("message", hear);
      setFound({
        text,
        spans: data.lines.flatMap((tokens, place) => [
          ...(place ? [{ text: "\n" }] : []),
          ...spansOfTokens(tokens, ""),
        ]),
      });
    };
    shared.addEventListener("message", hear);
    shared.postMessage({ id, language, text } satisfies ColourRequest);
    return () => shared.removeEventListener("message", hear);
  }, [text, language]);
  return found?.text === text ? found.spans : [{ text }];
}

export function SpanText({ spans }: { spans: Span[] }) {
  return spans.map((span, place) => (
    <span
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a text have nothing but their place
      key={place}
      className={span.name
        ?.split(" ")
        .map((name) => codeStyles[name])
        .join(" ")}
      style={span.style}
    >
      {span.text}
    </span>
  ));
}

export function Code({ text, language }: { text: string; language?: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <pre className={styles.codeBox} tabIndex={0}>
      <code>
        <SpanText spans={useSpans(text, language)} />
      </code>
    </pre>
  );
}
