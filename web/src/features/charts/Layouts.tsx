/** Layouts of charts that are kept with the experiment, for all who see it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { LayoutGrid, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { get, post } from "@/api/client";
import { Button, IconButton } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { Popover } from "@/ui/Popover";
import { toast, toastError } from "@/ui/Toasts";
import type { SetCharts } from "./board";
import { messages } from "./messages";
import { keyMark } from "./sections";
import { type ChartState, DEFAULTS, layoutOf, parseChartState } from "./state";
import styles from "./Toolbar.module.css";

const PREFIX = "assay.charts.";
const MOST_CHARACTERS = 20_000;

export interface Layout {
  name: string;
  state: ChartState;
  /** Marks of the keys that were there when it was saved. */
  known: ReadonlySet<string>;
}

function parseLayout(name: string, text: string): Layout | null {
  try {
    const body = JSON.parse(text) as { state?: unknown; known?: unknown };
    const raw = typeof body.state === "object" && body.state !== null ? body.state : {};
    const known = Array.isArray(body.known) ? body.known.map(String) : [];
    return { name, state: parseChartState(raw as Record<string, unknown>), known: new Set(known) };
  } catch {
    return null;
  }
}

/** The layouts of an experiment; its tags are read as the page's head reads them. */
export function useLayouts(experimentId: string): Layout[] {
  const { data } = useQuery({
    queryKey: ["experiment", experimentId],
    queryFn: ({ signal }) =>
      get("/api/2.0/mlflow/experiments/get", { experiment_id: experimentId }, signal).then(
        (answer) => answer.experiment,
      ),
    staleTime: 60_000,
    enabled: experimentId !== "",
    select: (experiment) =>
      (experiment?.tags ?? []).flatMap((tag): Layout[] => {
        if (!tag.key?.startsWith(PREFIX)) return [];
        const layout = parseLayout(tag.key.slice(PREFIX.length), tag.value ?? "");
        return layout ? [layout] : [];
      }),
  });
  return data ?? [];
}

export function LayoutMenu({
  experimentId,
  layouts,
  state,
  set,
  keys,
}: {
  experimentId: string;
  layouts: Layout[];
  state: ChartState;
  set: SetCharts;
  keys: string[];
}) {
  const queries = useQueryClient();
  const [name, setName] = useState(state.layout);
  const reload = () => queries.invalidateQueries({ queryKey: ["experiment", experimentId] });
  const store = async (event: FormEvent, close: () => void) => {
    event.preventDefault();
    const wanted = name.trim();
    if (!wanted) return;
    const text = JSON.stringify({ state: layoutOf(state), known: keys.map(keyMark) });
    if (text.length > MOST_CHARACTERS) return toast({ text: messages.layoutLong, tone: "bad" });
    try {
      await post("/api/assay/v1/experiments/set-tags", {
        experiment_id: experimentId,
        tags: { [PREFIX + wanted]: text },
      });
      await reload();
      set({ layout: wanted }, { replace: true });
      toast({ text: messages.layoutSaved(wanted) });
      close();
    } catch (error) {
      toastError(error);
    }
  };
  const remove = async (layout: Layout) => {
    try {
      await post("/api/2.0/mlflow/experiments/delete-experiment-tag", {
        experiment_id: experimentId,
        key: PREFIX + layout.name,
      });
      await reload();
      if (state.layout === layout.name) set({ layout: "" }, { replace: true });
      toast({ text: messages.layoutRemoved(layout.name) });
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <Popover
      label={messages.layouts}
      trigger={
        <Button>
          <LayoutGrid size={14} aria-hidden="true" />
          {state.layout ? <bdi className={styles.layoutName}>{state.layout}</bdi> : messages.layouts}
        </Button>
      }
    >
      {(close) => (
        <div className={styles.settings}>
          {layouts.length === 0 && <p className={styles.quiet}>{messages.layoutNone}</p>}
          <ul className={styles.layouts}>
            {layouts.map((layout) => (
              <li key={layout.name}>
                <Button
                  kind="quiet"
                  aria-pressed={layout.name === state.layout}
                  onClick={() => {
                    set({ ...layout.state, layout: layout.name });
                    close();
                  }}
                >
                  <bdi className={styles.layoutName}>{layout.name}</bdi>
                </Button>
                <IconButton label={messages.layoutRemove(layout.name)} onClick={() => remove(layout)}>
                  <Trash2 size={14} />
                </IconButton>
              </li>
            ))}
          </ul>
          <Button
            kind="quiet"
            onClick={() => {
              set(DEFAULTS);
              close();
            }}
          >
            {messages.layoutReset}
          </Button>
          <form className={styles.layoutForm} onSubmit={(event) => store(event, close)}>
            <TextField
              label={messages.layoutName}
              value={name}
              maxLength={100}
              required
              onChange={(event) => setName(event.target.value)}
            />
            <Button type="submit" kind="primary">
              {messages.layoutSave}
            </Button>
          </form>
          <p className={styles.quiet}>{messages.layoutHint}</p>
        </div>
      )}
    </Popover>
  );
}
