/** An experiment, or several at once: one state, three faces — the table of runs, their charts, their comparison. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Link2 } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { get } from "@/api/client";
import { IconButton } from "@/ui/Button";
import controls from "@/ui/controls.module.css";
import { Chip } from "@/ui/Facts";
import { messages as words } from "@/ui/messages";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import styles from "./ExperimentPage.module.css";
import { messages } from "./messages";
import type { Tab } from "./search";
import { useExperimentState } from "./state";

const FACES = {
  table: lazy(() => import("@/features/runs/RunTable").then((m) => ({ default: m.RunTable }))),
  charts: lazy(() => import("@/features/charts/Charts").then((m) => ({ default: m.Charts }))),
  compare: lazy(() => import("@/features/compare/Compare").then((m) => ({ default: m.Compare }))),
};
const TABS: Tab[] = ["table", "charts", "compare"];

export function ExperimentPage() {
  const { experimentIds, state } = useExperimentState();
  const first = experimentIds[0] ?? "";
  const experiment = useQuery({
    queryKey: ["experiment", first],
    queryFn: ({ signal }) =>
      get("/api/2.0/mlflow/experiments/get", { experiment_id: first }, signal).then((a) => a.experiment),
    staleTime: 60_000,
  });
  const name =
    experimentIds.length > 1 ? messages.several(experimentIds.length) : (experiment.data?.name ?? "");
  useEffect(() => {
    document.title = name ? `${name} · Assay` : "Assay";
  }, [name]);
  const tab = state.tab ?? "table";
  const Face = FACES[tab];

  if (experiment.isError) {
    return (
      <Notice title={messages.unknown} tone="warn">
        <p>{messages.unknownHint}</p>
        <ErrorNotice error={experiment.error} retry={() => experiment.refetch()} />
        <Link to="/">{messages.toHome}</Link>
      </Notice>
    );
  }
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.title}>
          <nav className={styles.trail}>
            <Link to="/">{messages.experiments}</Link>
          </nav>
          <h1>
            <bdi>{name || <Skeleton width={180} height={22} />}</bdi>{" "}
            {experiment.data?.lifecycle_stage === "deleted" && <Chip tone="bad">{messages.deleted}</Chip>}
          </h1>
        </div>
        <nav className={controls.tabs} aria-label={name}>
          {TABS.map((one) => (
            <Link
              key={one}
              className={controls.tab}
              to="/experiments/$ids"
              params={{ ids: experimentIds.join(",") }}
              search={(before) => ({ ...before, tab: one === "table" ? undefined : one })}
              activeOptions={{ exact: true, includeSearch: true, explicitUndefined: true }}
              aria-current={one === tab ? "page" : undefined}
            >
              {messages.tabs[one]}
            </Link>
          ))}
        </nav>
        {state.runs && <Chip tone="accent">{messages.selected(state.runs.length)}</Chip>}
        <span className={styles.spacer} />
        <IconButton
          label={messages.copyLink}
          onClick={() =>
            navigator.clipboard.writeText(location.href).then(() => toast({ text: words.copied }), toastError)
          }
        >
          <Link2 size={16} />
        </IconButton>
      </header>
      <Boundary key={tab}>
        <Suspense fallback={<Skeleton height={400} />}>
          <Face />
        </Suspense>
      </Boundary>
    </div>
  );
}
