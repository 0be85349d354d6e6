/** Why a run failed: its exception, the last lines it printed, and what the machine did at the end. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ansiSpans } from "@/features/files/ansi";
import { SpanText } from "@/features/files/Code";
import { readText } from "@/features/files/place";
import { visible } from "@/features/files/spans";
import { formatNumber } from "@/ui/format";
import { ErrorNotice } from "@/ui/Notice";
import { byName, OUTPUT_PATH, type Run, SYSTEM_PREFIX, useHasFile } from "./data";
import { exceptionOf, exitFacts } from "./exit";
import { lastException } from "./logLines";
import { messages } from "./messages";
import styles from "./run.module.css";
import { kept, useRunSearch } from "./useRunSearch";

const SHOWN = 50;
const READ_BYTES = 64 * 1024;
const MAX_LINE = 1_000;

/** The end is what matters. */
const scrollToEnd = (box: HTMLElement | null) => {
  if (box) box.scrollTop = box.scrollHeight;
};

export function Failure({ run }: { run: Run }) {
  const runId = run.info.run_id;
  const { search } = useRunSearch();
  const hasOutput = useHasFile(run, OUTPUT_PATH);
  const output = useQuery({
    enabled: hasOutput === true,
    queryKey: ["run", runId, "last-output"],
    queryFn: ({ signal }) =>
      readText({ run_id: runId }, OUTPUT_PATH, { offset: -READ_BYTES, limit: READ_BYTES }, signal),
    retry: false,
  });
  const lines = output.data?.text.replace(/\n$/, "").split("\n") ?? [];
  // What was noted is surer than what looks like an exception in the output.
  const exception = exceptionOf(run) ?? (output.data ? lastException(lines)?.title : undefined);
  const facts = exitFacts(run);
  const last = lines.slice(-SHOWN);
  return (
    <section className={styles.failure} aria-labelledby="run-failure">
      <h2 id="run-failure">{run.info.status === "FAILED" ? messages.failed : messages.killed}</h2>
      {exception && <p className={styles.exception}>{visible(exception).slice(0, 2_000)}</p>}
      {facts.length > 0 && (
        <dl className={styles.exit}>
          {facts.map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {output.isError && <ErrorNotice error={output.error} retry={() => output.refetch()} />}
      {hasOutput === false && !exception && <p className={styles.quiet}>{messages.noOutput}</p>}
      {output.data?.text && (
        <details open={run.info.status === "FAILED"}>
          <summary>{messages.lastLines(last.length)}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
          <pre tabIndex={0} className={styles.lastLines} ref={scrollToEnd}>
            <SpanText
              spans={last.flatMap((line) => [...ansiSpans(line.slice(0, MAX_LINE)), { text: "\n" }])}
            />
          </pre>
        </details>
      )}
      <Resources run={run} />
      {output.data?.text && (
        <Link to="/runs/$runId" params={{ runId }} search={() => ({ ...kept(search), tab: "log" })}>
          {messages.wholeLog}
        </Link>
      )}
    </section>
  );
}

function Resources({ run }: { run: Run }) {
  const keys = Object.keys(run.data.metrics)
    .filter((key) => key.startsWith(SYSTEM_PREFIX))
    .sort(byName);
  if (!keys.length) return null;
  return (
    <details>
      <summary>{messages.atEnd}</summary>
      <dl className={styles.list}>
        {keys.slice(0, 60).map((key) => (
          <div key={key} className={styles.pair}>
            <dt>{visible(key.slice(SYSTEM_PREFIX.length)).slice(0, 100)}</dt>
            <dd>{formatNumber(run.data.metrics[key])}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
