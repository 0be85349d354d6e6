/** A run: what it is, what it logged, what came of it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { ApiError } from "@/api/client";
import { isTyping } from "@/app/Shell";
import { rowsQuery } from "@/features/experiment/data";
import { useRunChanges } from "@/features/experiment/live";
import { hasReport } from "@/features/reproduction/data";
import { Button } from "@/ui/Button";
import controls from "@/ui/controls.module.css";
import { formatCount } from "@/ui/format";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { restoreRun } from "./actions";
import { forget, type Run, runQuery, SYSTEM_PREFIX } from "./data";
import { Head } from "./Head";
import { messages } from "./messages";
import styles from "./run.module.css";
import { useNeighbours } from "./useNeighbours";
import { kept, TABS, type Tab, useRunSearch } from "./useRunSearch";

export interface TabProps {
  run: Run;
}

const FACES: Record<Tab, React.LazyExoticComponent<React.ComponentType<TabProps>>> = {
  overview: lazy(() => import("./Overview")),
  metrics: lazy(() => import("./MetricsTab").then((m) => ({ default: m.ModelMetrics }))),
  system: lazy(() => import("./MetricsTab").then((m) => ({ default: m.SystemMetrics }))),
  files: lazy(() => import("./FilesTab")),
  log: lazy(() => import("./LogTab")),
  code: lazy(() => import("./CodeTab")),
  environment: lazy(() => import("./EnvironmentTab")),
  inputs: lazy(() => import("./InputsTab")),
  children: lazy(() => import("./ChildrenTab")),
  reproduction: lazy(() => import("@/features/reproduction/ReproductionTab")),
};

export function RunPage() {
  const { runId, search, tab } = useRunSearch();
  const queries = useQueryClient();
  const query = useQuery(runQuery(runId));
  const run = query.data;
  const experimentId = run?.info.experiment_id;
  useRunChanges(experimentId ? [experimentId] : [], (event) => {
    if (event.kind === "resync" || event.change.run_id === runId) forget(queries, runId);
  });
  const neighbours = useNeighbours(runId, experimentId, search.from);
  useKeys(neighbours?.previous ?? null, neighbours?.next ?? null);
  const children = useQuery({
    ...rowsQuery({ experiment_ids: [experimentId ?? ""], parent: runId, columns: [], limit: 1 }),
    enabled: experimentId !== undefined,
    placeholderData: undefined,
  });
  const name = run?.info.run_name ?? "";
  useEffect(() => {
    document.title = name ? `${name} · Assay` : "Assay";
  }, [name]);

  if (query.isError && !run) {
    const gone = query.error instanceof ApiError && query.error.status === 404;
    return (
      <Notice title={gone ? messages.unknown : ""} tone="warn">
        {gone ? (
          <p>{messages.unknownHint}</p>
        ) : (
          <ErrorNotice error={query.error} retry={() => query.refetch()} />
        )}
        <Link to="/">{messages.toHome}</Link>
      </Notice>
    );
  }
  if (!run) return <RunSkeleton />;
  const childCount = children.data?.total ?? 0;
  const hasSystem = Object.keys(run.data.metrics).some((key) => key.startsWith(SYSTEM_PREFIX));
  const hidden: Partial<Record<Tab, boolean>> = {
    children: childCount === 0,
    system: !hasSystem,
    reproduction: !hasReport(run.data.tags),
  };
  const shown = TABS.filter((one) => one === tab || !hidden[one]);
  const Face = FACES[tab];
  return (
    <div className={styles.page}>
      <Head run={run} neighbours={neighbours} />
      {run.info.lifecycle_stage === "deleted" && (
        <Notice title={messages.inBin} tone="warn">
          <Button onClick={() => restoreRun(queries, runId)}>{messages.restore}</Button>
        </Notice>
      )}
      <nav className={controls.tabs} aria-label={messages.sections}>
        {shown.map((one) => (
          <Link
            key={one}
            className={controls.tab}
            to="/runs/$runId"
            params={{ runId }}
            search={() => ({ ...kept(search), tab: one === "overview" ? undefined : one })}
            resetScroll={false}
            // Without it the tab that leaves the address empty would count as open beside any other.
            activeOptions={{ explicitUndefined: true }}
            aria-current={one === tab ? "page" : undefined}
          >
            {messages.tabs[one]}
            {one === "children" && childCount > 0 && ` (${formatCount(childCount)})`}
          </Link>
        ))}
      </nav>
      <Boundary key={`${runId} ${tab}`}>
        <Suspense fallback={<Skeleton height={400} />}>
          <Face key={runId} run={run} />
        </Suspense>
      </Boundary>
    </div>
  );
}

/** `j` and `k` go on in the list that the run was opened from. */
function useKeys(previous: string | null, next: string | null): void {
  const navigate = useNavigate();
  const { search } = useRunSearch();
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const to = event.key === "j" ? next : event.key === "k" ? previous : null;
      if (!to || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      navigate({ to: "/runs/$runId", params: { runId: to }, search: kept(search) });
    };
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, [navigate, previous, next, search]);
}

function RunSkeleton() {
  return (
    <div className={styles.page} aria-busy="true">
      <Skeleton width={320} height={28} />
      <Skeleton width={520} height={18} />
      <Skeleton height={34} />
      <Skeleton height={360} />
    </div>
  );
}
