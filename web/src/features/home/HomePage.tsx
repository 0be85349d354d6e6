/** The first page: all experiments in folders, what runs now, and how the server fares. */
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus, Trash2 } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { readKept } from "@/app/preferences";
import { Button } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { toastError } from "@/ui/Toasts";
import { newestRun, type Overview, useExperiments } from "./data";
import { CreateDialog, RenameDialog } from "./dialogs";
import { ExperimentRows } from "./ExperimentRows";
import { FirstRun } from "./FirstRun";
import { runCount, type Sort } from "./folders";
import styles from "./HomePage.module.css";
import { messages } from "./messages";
import { Side } from "./Side";
import { SAMPLE_TAG } from "./sample";

const route = getRouteApi("/");
const SORTS: Sort[] = ["updated", "created", "name", "runs"];

/** Open the first run of all when it comes, for who waits for it on this page. */
function useFirstRun(isFirst: boolean, isKnown: boolean, experiments: Overview[]): void {
  const navigate = route.useNavigate();
  const waited = useRef(false);
  useEffect(() => {
    if (isFirst) waited.current = true;
    if (isFirst || !isKnown || !waited.current) return;
    waited.current = false;
    if (experiments.some((one) => one.experiment.tags?.[SAMPLE_TAG])) return;
    newestRun(experiments.map((one) => one.experiment.experiment_id)).then((runId) => {
      if (runId) navigate({ to: "/runs/$runId", params: { runId }, search: {} });
    }, toastError);
  }, [isFirst, isKnown, experiments, navigate]);
}

export function HomePage() {
  const { q = "", sort: asked, folder } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const bin = folder === "bin";
  const sort = SORTS.includes(asked as Sort) ? (asked as Sort) : readKept<Sort>("assay.home.sort", "updated");
  const { query, experiments } = useExperiments(q, bin);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<"create" | Overview | null>(null);
  const { hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    document.title = `${messages.title} · Assay`;
  }, []);
  useEffect(() => {
    if (hasNextPage && !isFetching) fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const ids = useMemo(() => experiments.map((one) => one.experiment.experiment_id), [experiments]);
  const isFirst = query.isSuccess && !q && !bin && experiments.every((one) => runCount(one) === 0);
  useFirstRun(isFirst, query.isSuccess && !q && !bin, experiments);
  const change = (to: { q?: string; sort?: string; folder?: string }) =>
    navigate({ search: (before) => ({ ...before, ...to }), replace: true });

  return (
    <div className={styles.page}>
      <section className={styles.main} aria-label={messages.title}>
        <header className={styles.head}>
          <h1>{bin ? messages.bin : messages.title}</h1>
          <TextField
            label={messages.search}
            hideLabel
            type="search"
            placeholder={messages.searchHint}
            defaultValue={q}
            className={styles.search}
            onChange={(event) => change({ q: event.target.value || undefined })}
          />
          <SelectField
            label={messages.sort}
            hideLabel
            value={sort}
            onChange={(event) => change({ sort: event.target.value })}
          >
            {SORTS.map((one) => (
              <option key={one} value={one}>
                {messages.sorts[one]}
              </option>
            ))}
          </SelectField>
          {selected.size > 1 && (
            <Link
              className={styles.together}
              to="/experiments/$ids"
              params={{ ids: [...selected].join(",") }}
              search={{}}
            >
              {messages.openTogether(selected.size)}
            </Link>
          )}
          <span className={styles.spacer} />
          <Button kind="quiet" onClick={() => change({ folder: bin ? undefined : "bin" })}>
            <Trash2 size={14} aria-hidden="true" />
            {bin ? messages.active : messages.bin}
          </Button>
          <Button kind="primary" onClick={() => setDialog("create")}>
            <Plus size={14} aria-hidden="true" />
            {messages.create}
          </Button>
        </header>
        {query.isError && <ErrorNotice error={query.error} retry={() => query.refetch()} />}
        {query.isPending && <Skeleton height={300} />}
        {isFirst && <FirstRun />}
        {query.isSuccess && experiments.length === 0 && (
          <Notice title={bin ? messages.emptyBin : messages.none}>
            {q && <Button onClick={() => change({ q: undefined })}>{messages.clear}</Button>}
          </Notice>
        )}
        {experiments.length > 0 && (
          <ExperimentRows
            experiments={experiments}
            sort={sort}
            selected={selected}
            onSelect={setSelected}
            onRename={setDialog}
          />
        )}
      </section>
      {!bin && <Side experimentIds={ids} experiments={experiments} />}
      {dialog === "create" && <CreateDialog onClose={() => setDialog(null)} />}
      {dialog && dialog !== "create" && (
        <RenameDialog
          overview={dialog}
          onClose={() => {
            setDialog(null);
            queries.invalidateQueries({ queryKey: ["experiments"] });
          }}
        />
      )}
    </div>
  );
}
