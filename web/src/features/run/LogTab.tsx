/** What the program printed: followed while it runs, searched, filtered by level, linked by line. */
import { Link } from "@tanstack/react-router";
import { ArrowDownToLine, Clock, Download } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { keep, readKept } from "@/app/preferences";
import { ansiSpans, plainLine } from "@/features/files/ansi";
import { FindBar } from "@/features/files/FindBar";
import { Lines, type LinesHandle } from "@/features/files/Lines";
import { downloadUrl } from "@/features/files/place";
import { MAX_LINE, visible } from "@/features/files/spans";
import type { TextSource } from "@/features/files/textSource";
import { useFind } from "@/features/files/useFind";
import { useText } from "@/features/files/useText";
import { Button } from "@/ui/Button";
import { SelectField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { OUTPUT_PATH, parentOf, type Run, useHasFile } from "./data";
import { type Level, LogIndex } from "./logLines";
import { MARKS_PATH } from "./logMarks";
import { messages } from "./messages";
import styles from "./run.module.css";
import { type KnownMarks, markCells, useMarks } from "./useMarks";
import { kept, useRunSearch } from "./useRunSearch";

const PIECE_BYTES = 4 << 20;
/** More than this would fill the browser; the end of a log is what matters. */
const MAX_BYTES = 128 << 20;
const TAIL_MS = 2_000;

type Shown = "all" | Exclude<Level, "debug">;
type Stream = keyof typeof messages.streamChoices;
const STREAMS: Stream[] = ["all", "out", "err"];
const TIMES_KEY = "assay.log.times";
const CHOICES: Shown[] = ["all", "info", "warning", "error"];

/** Escapes are seen as colours, other control characters as pictures of themselves. */
function spansOf(line: string, look: ReturnType<LogIndex["lookAt"]>) {
  return ansiSpans(line.slice(0, MAX_LINE * 4), look).map((span) => ({ ...span, text: visible(span.text) }));
}

/** Follow texts that grow; the first is told before the others, so that none is behind it. */
function useTail(source: TextSource, running: boolean, marks: TextSource | null): void {
  useEffect(() => {
    if (!running) {
      // The last lines come with the end of the run.
      if (source.get().version) source.tail();
      marks?.tail();
      return;
    }
    const timer = window.setInterval(() => {
      const state = source.get();
      if (!document.hidden && !state.loading && (state.complete || state.error)) {
        source.tail();
        marks?.tail();
      }
    }, TAIL_MS);
    return () => window.clearInterval(timer);
  }, [source, running, marks]);
}

export default function LogTab({ run }: { run: Run }) {
  const hasOutput = useHasFile(run, OUTPUT_PATH);
  const hasMarks = useHasFile(run, MARKS_PATH);
  if (hasOutput === null) return <Skeleton height={400} />;
  if (hasOutput) return hasMarks ? <MarkedLog run={run} /> : <Log run={run} known={null} />;
  if (["SCHEDULED", "RUNNING"].includes(run.info.status)) return <p role="status">{messages.waitingLog}</p>;
  return <NoLog run={run} />;
}

function MarkedLog({ run }: { run: Run }) {
  return <Log run={run} known={useMarks(run.info.run_id)} />;
}

function Log({ run, known }: { run: Run; known: KnownMarks | null }) {
  const runId = run.info.run_id;
  const place = useMemo(() => ({ run_id: runId }), [runId]);
  const { search, set } = useRunSearch();
  const { source, state } = useText(place, OUTPUT_PATH, PIECE_BYTES);
  const index = useMemo(() => ({ of: source, lines: new LogIndex(), version: -1 }), [source]);
  if (index.version !== state.version) {
    index.lines.update(source.lines, state.changedFrom);
    index.version = state.version;
  }
  useTail(source, run.info.status === "RUNNING", known?.source ?? null);
  useEffect(() => {
    source.fromEnd(MAX_BYTES).then(() => source.until(() => false));
  }, [source]);

  if (!source.lines.length) {
    if (state.error) return <ErrorNotice error={state.error} retry={() => source.more()} />;
    return state.complete ? <NoLog run={run} /> : <Skeleton height={400} />;
  }
  return (
    <LogLines
      run={run}
      source={source}
      index={index.lines}
      version={state.version}
      known={known?.marks.known ? known : null}
      target={search.line}
      onLine={(line) => set({ tab: "log", line }, { replace: true })}
    />
  );
}

function NoLog({ run }: { run: Run }) {
  const { search } = useRunSearch();
  const parentId = parentOf(run);
  return (
    <Notice title={messages.noLog}>
      <p>{messages.noLogHint}</p>
      {parentId && (
        <Link to="/runs/$runId" params={{ runId: parentId }} search={() => ({ ...kept(search), tab: "log" })}>
          {messages.parentLog}
        </Link>
      )}
    </Notice>
  );
}

interface LogLinesProps {
  run: Run;
  source: TextSource;
  index: LogIndex;
  version: number;
  known: KnownMarks | null;
  target: number | undefined;
  onLine: (line: number) => void;
}

function LogLines({ run, source, index, version, known: marked, target, onLine }: LogLinesProps) {
  const state = source.get();
  const running = run.info.status === "RUNNING";
  const [level, setLevel] = useState<Shown>("all");
  const [stream, setStream] = useState<Stream>("all");
  const [times, setTimes] = useState(() => readKept(TIMES_KEY, false));
  const [onlyHits, setOnlyHits] = useState(false);
  const [follow, setFollow] = useState(running && target === undefined);
  const handle = useRef<LinesHandle>(null);
  const find = useFind(source, state);
  const count = source.lines.length;

  const marksVersion = marked?.version ?? 0;
  const shown = useMemo(() => {
    const hits = onlyHits && find.pattern ? [...find.lines] : null;
    const marks = stream === "all" ? null : marked?.marks;
    // The versions say that lines or marks came or changed.
    if (version < 0 || marksVersion < 0 || (level === "all" && !hits && !marks)) return null;
    let lines = index.atLeast(level === "all" ? "debug" : level);
    if (hits) {
      const wanted = new Set(lines);
      lines = hits.filter((line) => wanted.has(line));
    }
    return marks ? lines.filter((line) => marks.at(line).stream === stream) : lines;
  }, [version, marksVersion, level, stream, onlyHits, find.pattern, find.lines, index, marked?.marks]);
  const rows = shown ? shown.length : count;
  const rowOf = useCallback(
    (line: number) => {
      if (!shown) return line;
      const at = shown.findIndex((one) => one >= line);
      return at < 0 ? shown.length - 1 : at;
    },
    [shown],
  );

  const known = target !== undefined && target <= count;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a link is gone to once, not with each line that comes
  useEffect(() => {
    if (known && target !== undefined) handle.current?.scrollTo(rowOf(target - 1), "middle");
  }, [known, target]);
  const current = find.lines[find.at];
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    if (current === undefined) return;
    setFollow(false);
    handle.current?.scrollTo(rowOf(current), "middle");
  }, [current]);
  useEffect(() => {
    if (follow) handle.current?.scrollTo(rows - 1, "end");
  }, [follow, rows]);

  return (
    <div className={styles.log}>
      <div className={styles.tools}>
        <FindBar find={find} />
        <label className={styles.check}>
          <input type="checkbox" checked={onlyHits} onChange={(event) => setOnlyHits(event.target.checked)} />
          {messages.onlyHits}
        </label>
        <SelectField
          label={messages.level}
          hideLabel
          value={level}
          onChange={(event) => setLevel(event.target.value as Shown)}
        >
          {CHOICES.map((one) => (
            <option key={one} value={one}>
              {messages.levels[one]}
            </option>
          ))}
        </SelectField>
        {marked && (
          <>
            <SelectField
              label={messages.stream}
              hideLabel
              value={stream}
              onChange={(event) => setStream(event.target.value as Stream)}
            >
              {STREAMS.map((one) => (
                <option key={one} value={one}>
                  {messages.streamChoices[one]}
                </option>
              ))}
            </SelectField>
            <Button
              aria-pressed={times}
              title={messages.timesHint}
              onClick={() => {
                keep(TIMES_KEY, !times);
                setTimes(!times);
              }}
            >
              <Clock size={15} /> {messages.times}
            </Button>
          </>
        )}
        <Button
          aria-pressed={follow}
          title={messages.followHint}
          onClick={() => {
            if (!follow) handle.current?.scrollTo(rows - 1, "end");
            setFollow(!follow);
          }}
        >
          <ArrowDownToLine size={15} /> {messages.follow}
        </Button>
        <span className={styles.quiet} role="status">
          {shown ? messages.shownOf(rows, count) : messages.lines(count)}
          {!state.complete && ` · ${messages.loading(state.end / Math.max(1, state.size))}`}
          {running && !follow && ` · ${messages.paused}`}
        </span>
        <span className={styles.spacer} />
        <a
          className={styles.iconLink}
          href={downloadUrl({ run_id: run.info.run_id }, OUTPUT_PATH)}
          download
          aria-label={messages.downloadLog}
          title={messages.downloadLog}
        >
          <Download size={16} />
        </a>
      </div>
      {source.start > 0 && <p className={styles.quiet}>{messages.logCut(source.start)}</p>}
      <Lines
        label={messages.log}
        handle={handle}
        count={rows}
        lineAt={(row) => shown?.[row] ?? row}
        spansOf={(line) => spansOf(source.lines[line] ?? "", index.lookAt(line))}
        rangesOf={
          find.pattern ? (line) => find.rangesIn(visible(plainLine(source.lines[line] ?? ""))) : undefined
        }
        markOf={(line) => index.levelAt(line)}
        cellsOf={marked ? (line) => markCells(marked.marks, line, times) : undefined}
        target={target === undefined ? undefined : target - 1}
        current={current}
        onLine={(line) => onLine(line + 1)}
        onScrolled={(atEnd) => {
          if (!atEnd) setFollow(false);
          else if (running) setFollow(true);
        }}
      />
    </div>
  );
}
