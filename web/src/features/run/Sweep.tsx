/** A sweep: how many of its trials have ended, the best one, and the way to their charts. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { visible } from "@/features/files/spans";
import { formatNumber } from "@/ui/format";
import { ErrorNotice } from "@/ui/Notice";
import { Fact, Plain } from "./About";
import { type Run, runQuery } from "./data";
import { projectMessages as messages } from "./projectMessages";
import styles from "./run.module.css";
import { axesOf, bestOf, childrenFilter, pointOf, progressQuery, STATES, specQuery, sweepOf } from "./sweep";

export function Sweep({ run }: { run: Run }) {
  const name = sweepOf(run);
  return name === undefined ? null : <SweepSection run={run} name={name} />;
}

function SweepSection({ run, name }: { run: Run; name: string }) {
  const { run_id: runId, experiment_id: experimentId } = run.info;
  const spec = useQuery(specQuery(runId)).data;
  const progress = useQuery(progressQuery(run));
  const best = bestOf(run);
  const bestRun = useQuery({ ...runQuery(best?.runId ?? ""), enabled: best !== null }).data;
  const counts = progress.data?.counts;
  const ended = counts ? STATES.reduce((sum, state) => sum + counts[state], 0) : 0;
  const charts = { q: childrenFilter(runId) };
  return (
    <section className={styles.section} aria-labelledby="run-sweep">
      <h2 id="run-sweep">{messages.sweep}</h2>
      {progress.isError && <ErrorNotice error={progress.error} retry={() => progress.refetch()} />}
      {progress.data && counts && (
        <div className={styles.progress}>
          {spec && (
            <progress aria-label={messages.trials} max={spec.trials} value={Math.min(ended, spec.trials)} />
          )}
          <span>{messages.ended(ended, spec?.trials)}</span>
          <span className={styles.quiet}>
            {[
              ...STATES.filter((state) => counts[state] > 0).map((state) =>
                messages.counted(counts[state], messages.trialStates[state]),
              ),
              ...(progress.data.others
                ? [
                    messages.counted(
                      progress.data.others,
                      run.info.status === "RUNNING" ? messages.underWay : messages.unfinished,
                    ),
                  ]
                : []),
            ].join(" · ")}
          </span>
        </div>
      )}
      <dl className={styles.list}>
        <Fact name={messages.sweepName}>
          <Plain text={name} />
        </Fact>
        {spec && (
          <Fact name={messages.goals[spec.goal]}>
            <Plain text={spec.metric} />
          </Fact>
        )}
        {best && (
          <>
            <Fact name={messages.bestTrial}>
              <Link to="/runs/$runId" params={{ runId: best.runId }}>
                <bdi>{visible(bestRun?.info.run_name ?? best.runId).slice(0, 200)}</bdi>
              </Link>
            </Fact>
            <Fact name={messages.bestValue} copy={String(best.value)}>
              {formatNumber(best.value)}
            </Fact>
          </>
        )}
        {bestRun &&
          pointOf(bestRun)
            .slice(0, 40)
            .map(([key, value]) => (
              <Fact key={key} name={visible(key).slice(0, 100)} copy={value}>
                <Plain text={value} code />
              </Fact>
            ))}
      </dl>
      <div className={styles.links}>
        <Link
          to="/experiments/$ids"
          params={{ ids: experimentId }}
          search={{
            ...charts,
            tab: "compare",
            compare: { view: "parallel", ...(spec && { axes: axesOf(spec) }) },
          }}
        >
          {messages.parallel}
        </Link>
        <Link to="/experiments/$ids" params={{ ids: experimentId }} search={{ ...charts, tab: "charts" }}>
          {messages.curves}
        </Link>
        <Link to="/experiments/$ids" params={{ ids: experimentId }} search={charts}>
          {messages.asTable}
        </Link>
      </div>
    </section>
  );
}
