/** The comparison of runs: what differs, and charts, code, pictures and tables over all of them. */
import { Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { Button } from "@/ui/Button";
import { SelectField } from "@/ui/Field";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import styles from "./Compare.module.css";
import { type ComparedRun, useCompared } from "./frame";
import { messages } from "./messages";
import { useCompareState, VIEWS, type View } from "./state";
import { useLiveValues } from "./useLiveValues";

export interface ViewProps {
  runs: ComparedRun[];
}

const FACES: Record<View, React.ComponentType<ViewProps>> = {
  diff: lazy(() => import("./DiffView").then((m) => ({ default: m.DiffView }))),
  parallel: lazy(() => import("./ParallelView").then((m) => ({ default: m.ParallelView }))),
  scatter: lazy(() => import("./ScatterView").then((m) => ({ default: m.ScatterView }))),
  slices: lazy(() => import("./SlicesView").then((m) => ({ default: m.SlicesView }))),
  contour: lazy(() => import("./ContourView").then((m) => ({ default: m.ContourView }))),
  box: lazy(() => import("./BoxView").then((m) => ({ default: m.BoxView }))),
  importance: lazy(() => import("./ImportanceView").then((m) => ({ default: m.ImportanceView }))),
  code: lazy(() => import("./CodeView").then((m) => ({ default: m.CodeView }))),
  images: lazy(() => import("./ImagesView").then((m) => ({ default: m.ImagesView }))),
  tables: lazy(() => import("./TablesView").then((m) => ({ default: m.TablesView }))),
};

/** Views that take more runs than tables can show, and say themselves how many. */
const DRAWN: ReadonlySet<View> = new Set(["parallel", "scatter", "slices", "contour", "box", "importance"]);

export function Compare() {
  const { experimentIds, state, set, compare } = useCompareState();
  useLiveValues(experimentIds);
  const { runs, total, query } = useCompared(experimentIds, state);
  if (query.isError && !query.data) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <Skeleton height={420} />;
  if (!runs.length) {
    return (
      <Notice title={messages.nothing}>
        <p>{messages.nothingHint}</p>
      </Notice>
    );
  }
  const baseline = runs[0] as ComparedRun;
  const all = state.runs?.length ? runs.length : total;
  const Face = FACES[compare.view];
  return (
    <div className={styles.compare}>
      <nav className={styles.views} aria-label={messages.viewsLabel}>
        {VIEWS.map((view) => (
          <Link
            key={view}
            to="/experiments/$ids"
            params={{ ids: experimentIds.join(",") }}
            search={(before) => ({ ...before, compare: { ...before.compare, view } })}
            aria-current={view === compare.view ? "page" : undefined}
          >
            {messages.views[view]}
          </Link>
        ))}
      </nav>
      <div className={styles.bar}>
        <SelectField
          label={messages.baseline}
          className={styles.select}
          value={baseline.id}
          onChange={(event) => set({ base: event.target.value })}
        >
          {runs.map((run) => (
            <option key={run.id} value={run.id}>
              {run.name.slice(0, 200)}
            </option>
          ))}
        </SelectField>
        <span className={styles.note} role="status">
          {messages.comparing(DRAWN.has(compare.view) ? all : runs.length, all)}
        </span>
        {state.runs?.length ? (
          <Button kind="quiet" onClick={() => set({ runs: undefined })}>
            {messages.allRuns}
          </Button>
        ) : null}
      </div>
      <Boundary key={compare.view}>
        <Suspense fallback={<Skeleton height={420} />}>
          <Face runs={runs} />
        </Suspense>
      </Boundary>
    </div>
  );
}
