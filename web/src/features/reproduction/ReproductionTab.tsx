/** The report of a reproduction: whether the same came out again, and if not, what and why. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { visible } from "@/features/files/spans";
import { serverUrl, shell } from "@/features/registry/snippets";
import { Fact, Plain } from "@/features/run/About";
import { type Run, runQuery } from "@/features/run/data";
import runStyles from "@/features/run/run.module.css";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { Time } from "@/ui/Facts";
import { formatDuration, formatNumber } from "@/ui/format";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import {
  againRunsQuery,
  countsOf,
  type Finding,
  originalOf,
  type Report,
  reportQuery,
  telling,
} from "./data";
import { RunLink } from "./HeadBadge";
import { messages } from "./messages";
import styles from "./reproduction.module.css";
import { VerdictChip } from "./VerdictChip";

const FIRST = 200;
const MAX_TEXT = 400;
const short = (text: string | null) => visible(text ?? "").slice(0, MAX_TEXT);

export default function ReproductionTab({ run }: { run: Run }) {
  const report = useQuery(reportQuery(run.info.run_id));
  return (
    <div className={runStyles.column}>
      {report.isError ? (
        <ErrorNotice error={report.error} retry={() => report.refetch()} />
      ) : report.isPending ? (
        <Skeleton height={320} />
      ) : (
        <>
          <Verdict report={report.data} run={run} />
          <Causes report={report.data} />
          <Findings findings={report.data.findings} />
        </>
      )}
      <Others run={run} />
    </div>
  );
}

function Verdict({ report, run }: { report: Report; run: Run }) {
  const { relative, absolute } = report.tolerance;
  // The new run may have been sent to another experiment.
  const original = useQuery(runQuery(report.original)).data;
  const again = useQuery(runQuery(report.run_id)).data;
  const experiments = [run, original, again].flatMap((one) => one?.info.experiment_id ?? []);
  return (
    <section className={runStyles.section} aria-labelledby="reproduction-verdict">
      <div className={runStyles.sectionHead}>
        <h2 id="reproduction-verdict">{messages.report}</h2>
        <VerdictChip verdict={report.verdict} words={messages.results[report.verdict]} />
      </div>
      <p className={styles.sentence}>{messages.sentences[report.verdict]}</p>
      <dl className={runStyles.list}>
        <Fact name={messages.original}>
          <RunLink runId={report.original} />
        </Fact>
        <Fact name={messages.again}>
          <RunLink runId={report.run_id} />
        </Fact>
        <Fact name={messages.command} copy={report.command}>
          <Plain text={report.command} code />
        </Fact>
        <Fact name={messages.environment}>
          <Plain text={report.environment} />
        </Fact>
        <Fact name={messages.tolerance}>
          {relative || absolute ? messages.tolerances(relative, absolute) : messages.exact}
        </Fact>
        {report.start_time_ms > 0 && (
          <Fact name={messages.when}>
            <Time ms={report.start_time_ms} />
          </Fact>
        )}
        <Fact name={messages.took}>{formatDuration(report.seconds * 1_000)}</Fact>
      </dl>
      {report.notes.length > 0 && (
        <>
          <h3>{messages.notes}</h3>
          <ul className={styles.list}>
            {report.notes.map((note) => (
              <li key={note}>
                <bdi>{short(note)}</bdi>
              </li>
            ))}
          </ul>
        </>
      )}
      <Link
        to="/experiments/$ids"
        params={{ ids: [...new Set(experiments)].join(",") }}
        search={{
          tab: "compare",
          base: report.original,
          runs: [report.original, report.run_id],
          compare: { view: "diff" },
        }}
      >
        {messages.compare}
      </Link>
    </section>
  );
}

function Causes({ report }: { report: Report }) {
  const isDifferent = report.verdict === "different";
  if (!isDifferent && !report.causes.length) return null;
  return (
    <section className={runStyles.section} aria-labelledby="reproduction-causes">
      <h2 id="reproduction-causes">{messages.causes}</h2>
      <p className={runStyles.quiet}>{report.causes.length ? messages.causesHint : messages.noCauses}</p>
      <ol className={styles.list}>
        {report.causes.map((cause) => (
          <li key={`${cause.dimension} ${cause.name}`}>
            <strong>{messages.dimensions[cause.dimension] ?? short(cause.dimension)}:</strong>{" "}
            <bdi>{short(cause.sentence)}</bdi>
          </li>
        ))}
      </ol>
      {isDifferent && report.causes.length > 1 && (
        <>
          <p className={runStyles.quiet}>{messages.bisectHint}</p>
          <Snippet
            code={`assay -t ${shell(serverUrl())} bisect ${shell(report.original)} ${shell(report.run_id)}`}
          />
        </>
      )}
    </section>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  const [onlyTelling, setOnlyTelling] = useState(true);
  const [shown, setShown] = useState(FIRST);
  const counts = countsOf(findings);
  const hides = telling(findings).length < findings.length;
  const listed = onlyTelling ? telling(findings) : findings;
  if (!findings.length) {
    return (
      <section className={runStyles.section} aria-labelledby="reproduction-findings">
        <h2 id="reproduction-findings">{messages.findings}</h2>
        <p className={runStyles.quiet}>{messages.nothingCompared}</p>
      </section>
    );
  }
  return (
    <section className={runStyles.section} aria-labelledby="reproduction-findings">
      <div className={runStyles.sectionHead}>
        <h2 id="reproduction-findings">{messages.findings}</h2>
        {[...counts].map(([verdict, count]) => (
          <VerdictChip
            key={verdict}
            verdict={verdict}
            words={messages.counted(count, messages.results[verdict])}
          />
        ))}
        <span className={runStyles.spacer} />
        {hides && (
          <label className={runStyles.check}>
            <input
              type="checkbox"
              checked={onlyTelling}
              onChange={(event) => setOnlyTelling(event.target.checked)}
            />
            {messages.onlyTelling}
          </label>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div className={runStyles.scrollX} tabIndex={0} role="region" aria-label={messages.findings}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{messages.kind}</th>
              <th scope="col">{messages.name}</th>
              <th scope="col">{messages.result}</th>
              <th scope="col">{messages.before}</th>
              <th scope="col">{messages.now}</th>
              <th scope="col">{messages.distance}</th>
              <th scope="col">{messages.detail}</th>
            </tr>
          </thead>
          <tbody>
            {listed.slice(0, shown).map((one) => (
              <tr key={`${one.kind} ${one.name}`}>
                <td>{messages.kinds[one.kind]}</td>
                <th scope="row">
                  <bdi>{short(one.name)}</bdi>
                </th>
                <td>
                  <VerdictChip verdict={one.verdict} words={messages.results[one.verdict]} />
                </td>
                <td className={styles.value} title={short(one.before)}>
                  {short(one.before).slice(0, 64)}
                </td>
                <td className={styles.value} title={short(one.after)}>
                  {short(one.after ?? (one.verdict === "identical" ? one.before : null)).slice(0, 64)}
                </td>
                <td>{formatNumber(one.max_difference)}</td>
                <td className={styles.detail}>
                  <bdi>{short(one.detail)}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {listed.length > shown && (
        <div>
          <Button onClick={() => setShown(shown + FIRST)}>
            {messages.showMore(Math.min(FIRST, listed.length - shown))}
          </Button>
        </div>
      )}
    </section>
  );
}

/** Every time that the original was run again, where that was more than once. */
function Others({ run }: { run: Run }) {
  const original = originalOf(run.data.tags) ?? run.info.run_id;
  const runs = useQuery(againRunsQuery(original, run.info.experiment_id));
  if (!runs.data || runs.data.length < 2) return null;
  return (
    <section className={runStyles.section} aria-labelledby="reproduction-others">
      <h2 id="reproduction-others">{messages.others}</h2>
      <ul className={styles.list}>
        {runs.data.map((one) => (
          <li key={one.runId} className={styles.other}>
            <Link to="/runs/$runId" params={{ runId: one.runId }} search={{ tab: "reproduction" }}>
              <bdi>{visible(one.name).slice(0, 200)}</bdi>
            </Link>
            {one.verdict ? (
              <VerdictChip verdict={one.verdict} words={messages.results[one.verdict]} />
            ) : (
              <span className={runStyles.quiet}>{messages.noVerdict}</span>
            )}
            <Time ms={one.start} />
          </li>
        ))}
      </ul>
    </section>
  );
}
