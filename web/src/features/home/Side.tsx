/** Beside the experiments: what runs now, what ran last, and the server's health. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { post } from "@/api/client";
import { colourOf, useDark } from "@/charts/colours";
import { Button } from "@/ui/Button";
import { Status, Swatch, Time } from "@/ui/Facts";
import { formatBytes } from "@/ui/format";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { toastError } from "@/ui/Toasts";
import { type Overview, useRuns, useServerFacts } from "./data";
import styles from "./HomePage.module.css";
import { messages } from "./messages";
import { SAMPLE_TAG } from "./sample";

const LOW = 0.05;

function Runs({ title, empty, query }: { title: string; empty?: string; query: ReturnType<typeof useRuns> }) {
  const dark = useDark();
  const runs = query.data?.runs;
  if (!query.isPending && !runs?.run_id.length && !empty) return null;
  return (
    <section className={styles.panel} aria-label={title}>
      <h2>{title}</h2>
      {query.isError && <ErrorNotice error={query.error} retry={() => query.refetch()} />}
      {query.isLoading && <Skeleton height={80} />}
      {runs?.run_id.length === 0 && <span className={styles.quiet}>{empty}</span>}
      <ul className={styles.runs}>
        {(runs?.run_id ?? []).map((runId, i) => (
          <li key={runId}>
            <Swatch colour={colourOf(runId, dark)} />
            <Link to="/runs/$runId" params={{ runId }}>
              <bdi>{runs?.run_name[i]}</bdi>
            </Link>
            <Status status={runs?.status[i] ?? ""} short />
            <span className={styles.quiet}>
              <Time ms={runs?.start_time[i]} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Health() {
  const { data, isError, error } = useServerFacts();
  return (
    <section className={styles.panel} aria-label={messages.health}>
      <h2>{messages.health}</h2>
      {isError && <ErrorNotice error={error} />}
      {data && (
        <dl className={styles.facts}>
          <dt>Assay</dt>
          <dd>{data.version}</dd>
          <dt>{messages.database}</dt>
          <dd>
            {data.store_kind}
            {data.store_size_bytes !== null && ` · ${formatBytes(data.store_size_bytes)}`}
          </dd>
          <dt>{messages.up}</dt>
          <dd>
            <Time ms={data.started} />
          </dd>
          {data.disks.map((disk) => (
            <div key={disk.what} style={{ display: "contents" }}>
              <dt>{messages.disks[disk.what] ?? disk.what}</dt>
              <dd>{messages.free(formatBytes(disk.free_bytes), formatBytes(disk.total_bytes))}</dd>
              {disk.free_bytes < disk.total_bytes * LOW && <dd>{messages.low}</dd>}
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

export function Side({ experimentIds, experiments }: { experimentIds: string[]; experiments: Overview[] }) {
  const queries = useQueryClient();
  const running = useRuns(experimentIds, true);
  const recent = useRuns(experimentIds, false);
  const sample = experiments.find((one) => one.experiment.tags?.[SAMPLE_TAG]);
  return (
    <aside className={styles.side}>
      <Runs title={messages.runningNow} empty={messages.noRunning} query={running} />
      <Runs title={messages.recent} query={recent} />
      <Health />
      {sample && (
        <Button
          onClick={() =>
            post("/api/2.0/mlflow/experiments/delete", {
              experiment_id: sample.experiment.experiment_id,
            }).then(() => queries.invalidateQueries(), toastError)
          }
        >
          {messages.removeSample}
        </Button>
      )}
    </aside>
  );
}
