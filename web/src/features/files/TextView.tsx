/** Text and code: windowed, coloured, searched; the first megabyte at once, the rest as one scrolls on. */
import { useCallback, useEffect, useRef, useState } from "react";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { BytesView } from "./BytesView";
import { FindBar } from "./FindBar";
import { languageOf } from "./kinds";
import { Lines, type LinesHandle } from "./Lines";
import { messages } from "./messages";
import type { Place } from "./place";
import { visible } from "./spans";
import { spansOfTokens, useColours } from "./useColours";
import { useFind } from "./useFind";
import { useText } from "./useText";
import styles from "./views.module.css";

export interface TextViewProps {
  place: Place;
  path: string;
  /** The line that is linked to, from 1. */
  line?: number;
  onLine?: (line: number) => void;
  language?: string;
}

/** Added, removed or heading; the names of the files (`---`, `+++`) are neither added nor removed. */
export function patchMark(lines: readonly string[], row: number): string | undefined {
  const line = lines[row] ?? "";
  if (line.startsWith("--- ") && lines[row + 1]?.startsWith("+++ ")) return "file";
  if (line.startsWith("+++ ") && lines[row - 1]?.startsWith("--- ")) return "file";
  return "+-@".includes(line[0] ?? " ") ? line[0] : undefined;
}

export default function TextView({ place, path, line, onLine, language = languageOf(path) }: TextViewProps) {
  const { source, state } = useText(place, path);
  const colours = useColours(source, state, language);
  const find = useFind(source, state);
  const handle = useRef<LinesHandle>(null);
  const [typed, setTyped] = useState("");
  const count = source.lines.length;
  const known = line !== undefined && line <= count;

  useEffect(() => {
    if (line !== undefined && !known) source.until(() => source.lines.length >= line);
  }, [source, line, known]);
  useEffect(() => {
    if (known && line !== undefined) handle.current?.scrollTo(line - 1, "middle");
  }, [known, line]);
  const current = find.lines[find.at];
  useEffect(() => {
    if (current !== undefined) handle.current?.scrollTo(current, "middle");
  }, [current]);
  const readOn = useCallback(() => {
    if (!source.get().loading) source.more();
  }, [source]);

  if (state.error && !count) return <ErrorNotice error={state.error} retry={() => source.more()} />;
  if (state.binary) return <BytesView place={place} path={path} hint={messages.binary} />;
  if (!count) return state.complete ? <Notice title={messages.emptyFile} /> : <Skeleton height={300} />;
  return (
    <div className={styles.fill}>
      <div className={styles.tools}>
        <FindBar find={find} />
        {onLine && (
          <form
            className={styles.goto}
            onSubmit={(event) => {
              event.preventDefault();
              const wanted = Number(typed);
              if (Number.isInteger(wanted) && wanted > 0) onLine(wanted);
            }}
          >
            <TextField
              label={messages.goToLine}
              hideLabel
              inputMode="numeric"
              placeholder={messages.lineHint}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          </form>
        )}
        <span className={styles.quiet}>
          {state.complete ? messages.lines(count) : messages.loaded(state.end, state.size)}
          {state.encoding === "unknown" && ` · ${messages.notUtf8}`}
        </span>
        {!state.complete && <Button onClick={() => source.until(() => false)}>{messages.loadRest}</Button>}
      </div>
      {state.error !== null && <ErrorNotice error={state.error} retry={() => source.more()} />}
      <Lines
        label={path}
        handle={handle}
        count={count}
        lineAt={(row) => row}
        spansOf={(row) => {
          const text = visible(source.lines[row] ?? "");
          return spansOfTokens(text === source.lines[row] ? colours.get(row) : undefined, text);
        }}
        rangesOf={find.rangesIn && ((row) => find.rangesIn(visible(source.lines[row] ?? "")))}
        markOf={language === "diff" ? (row) => patchMark(source.lines, row) : undefined}
        target={line === undefined ? undefined : line - 1}
        current={current}
        onLine={onLine && ((row) => onLine(row + 1))}
        onNearEnd={readOn}
      />
    </div>
  );
}
