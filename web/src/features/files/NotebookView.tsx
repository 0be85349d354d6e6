/** A notebook: text, code and outputs. Nothing of it runs; HTML outputs are left out. */
import { useMemo } from "react";
import Markdown from "@/ui/Markdown";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { ansiSpans } from "./ansi";
import { Code, SpanText } from "./Code";
import { useContent } from "./JsonView";
import { parseJson } from "./jsonRows";
import { messages } from "./messages";
import { type Cell, type Output, readNotebook } from "./notebook";
import type { Place } from "./place";
import styles from "./views.module.css";

const MAX_OUTPUT = 20_000;

function read(text: string) {
  try {
    return readNotebook(parseJson(text));
  } catch {
    return null;
  }
}

export default function NotebookView({ place, path }: { place: Place; path: string }) {
  const { text, tooLarge, error } = useContent(place, path);
  const notebook = useMemo(() => (text === undefined ? undefined : read(text)), [text]);
  if (tooLarge !== null) return <Notice title={messages.tooLarge(tooLarge)} />;
  if (error) return <ErrorNotice error={error} />;
  if (notebook === undefined) return <Skeleton height={300} />;
  if (notebook === null) return <Notice title={messages.notNotebook} tone="warn" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <article className={styles.article} tabIndex={0} aria-label={path}>
      {notebook.cells.map((cell, place_) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: cells have nothing but their place
        <CellView key={place_} cell={cell} language={notebook.language} />
      ))}
    </article>
  );
}

function CellView({ cell, language }: { cell: Cell; language: string }) {
  if (cell.kind === "markdown") return <Markdown text={cell.source} />;
  return (
    <section className={styles.cell} aria-label={messages.cell(cell.count)}>
      <span className={styles.prompt}>{cell.kind === "code" ? messages.cell(cell.count) : ""}</span>
      <Code text={cell.source} language={cell.kind === "code" ? language : undefined} />
      {cell.outputs.map((output, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: outputs have nothing but their place
        <OutputView key={place} output={output} />
      ))}
    </section>
  );
}

function OutputView({ output }: { output: Output }) {
  if (output.kind === "picture") {
    return <img className={styles.output} src={output.src} alt={output.text.slice(0, 200)} />;
  }
  return (
    <div className={styles.output}>
      {output.kind === "left-out" && (
        <p className={styles.quiet}>{output.text ? messages.outputLeftOut : messages.outputUnknown}</p>
      )}
      {output.text && (
        <pre data-error={(output.kind === "text" && output.error) || undefined}>
          <SpanText spans={ansiSpans(output.text.slice(0, MAX_OUTPUT))} />
        </pre>
      )}
    </div>
  );
}
