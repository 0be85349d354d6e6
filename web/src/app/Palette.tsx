/** The command palette: everything that has a page, found by a few letters. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useDeferredValue, useEffect, useId, useMemo, useRef, useState } from "react";
import { post } from "@/api/client";
import { quoted } from "@/features/experiment/columns";
import { filterOf } from "@/features/experiment/data";
import { Chip } from "@/ui/Facts";
import { messages } from "./messages";
import styles from "./Palette.module.css";
import { setPreferences } from "./preferences";

interface Entry {
  kind: keyof typeof messages.kinds;
  label: string;
  detail?: string;
  open: () => void;
}

const MOST = 8;

function useEntries(text: string, onClose: () => void): Entry[] {
  const navigate = useNavigate();
  const like = `%${text.replace(/[!%_]/g, "!$&")}%`;
  const experiments = useQuery({
    queryKey: ["palette", "experiments", text],
    queryFn: ({ signal }) =>
      post(
        "/api/assay/v1/experiments/overview",
        { filter: text ? `name ILIKE ${quoted(like)} ESCAPE '!'` : "", max_results: MOST },
        signal,
      ),
    placeholderData: (before) => before,
  });
  const everywhere = useMemo(
    () => experiments.data?.experiments.map((one) => one.experiment.experiment_id) ?? [],
    [experiments.data],
  );
  const all = useQuery({
    queryKey: ["palette", "all"],
    queryFn: ({ signal }) => post("/api/assay/v1/experiments/overview", { max_results: 1000 }, signal),
    staleTime: 60_000,
  });
  const runIds = all.data?.experiments.map((one) => one.experiment.experiment_id) ?? everywhere;
  const runs = useQuery({
    queryKey: ["palette", "runs", text, runIds.length],
    queryFn: ({ signal }) =>
      post(
        "/api/assay/v1/runs/rows",
        { experiment_ids: runIds, filter: filterOf(text.replace(/[=<>]/g, " ")), columns: [], limit: MOST },
        signal,
      ),
    enabled: runIds.length > 0,
    placeholderData: (before) => before,
  });
  const models = useQuery({
    queryKey: ["palette", "models", text],
    queryFn: ({ signal }) => fetchModels(text ? `name ILIKE ${quoted(like)} ESCAPE '!'` : "", signal),
    placeholderData: (before) => before,
  });
  return useMemo(() => {
    const go = (open: () => void) => () => {
      onClose();
      open();
    };
    const fixed: Entry[] = [
      { kind: "page", label: messages.experiments, open: go(() => navigate({ to: "/" })) },
      { kind: "page", label: messages.models, open: go(() => navigate({ to: "/models" })) },
      { kind: "page", label: messages.deployments, open: go(() => navigate({ to: "/deployments" })) },
      { kind: "page", label: messages.requests, open: go(() => navigate({ to: "/requests" })) },
      { kind: "page", label: messages.queues, open: go(() => navigate({ to: "/queues" })) },
      { kind: "page", label: messages.settings, open: go(() => navigate({ to: "/settings" })) },
      { kind: "page", label: messages.shortcuts, open: go(() => navigate({ to: "/shortcuts" })) },
      ...(["light", "dark", "system"] as const).map(
        (theme): Entry => ({
          kind: "action",
          label: `${messages.theme}: ${messages.themes[theme]}`,
          open: go(() => setPreferences({ theme })),
        }),
      ),
    ];
    const wanted = text.toLowerCase();
    return [
      ...fixed
        .filter((entry) => !wanted || entry.label.toLowerCase().includes(wanted))
        .slice(0, text ? MOST : 5),
      ...(experiments.data?.experiments ?? []).map(
        ({ experiment }): Entry => ({
          kind: "experiment",
          label: experiment.name,
          detail: experiment.experiment_id,
          open: go(() => navigate({ to: "/experiments/$ids", params: { ids: experiment.experiment_id } })),
        }),
      ),
      ...(runs.data?.runs.run_id ?? []).map(
        (runId, i): Entry => ({
          kind: "run",
          label: runs.data?.runs.run_name[i] ?? runId,
          detail: runId.slice(0, 8),
          open: go(() => navigate({ to: "/runs/$runId", params: { runId } })),
        }),
      ),
      ...(models.data ?? []).map(
        (name): Entry => ({
          kind: "model",
          label: name,
          open: go(() => navigate({ to: "/models/$name", params: { name } })),
        }),
      ),
    ];
  }, [text, experiments.data, runs.data, models.data, navigate, onClose]);
}

async function fetchModels(filter: string, signal: AbortSignal): Promise<string[]> {
  const { send } = await import("@/api/client");
  const response = await send("/api/2.0/mlflow/registered-models/search", {
    query: { filter, max_results: MOST },
    signal,
  });
  const body = (await response.json()) as { registered_models?: { name: string }[] };
  return (body.registered_models ?? []).map((model) => model.name);
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const text = useDeferredValue(typed.trim());
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useId();
  const entries = useEntries(text, onClose);
  const chosen = Math.min(at, Math.max(0, entries.length - 1));
  useEffect(() => dialog.current?.showModal(), []);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((chosen + step + entries.length) % Math.max(1, entries.length));
    } else if (event.key === "Enter") {
      entries[chosen]?.open();
    }
  };
  return (
    <dialog
      ref={dialog}
      className={styles.palette}
      aria-label={messages.palette}
      onCancel={onClose}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <input
        className={styles.input}
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={entries.length ? `${list}-${chosen}` : undefined}
        aria-label={messages.search}
        placeholder={messages.search}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={move}
      />
      <div id={list} role="listbox" aria-label={messages.palette} className={styles.list}>
        {entries.map((entry, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are heard by the combobox
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: two entries may have the same name
            key={place}
            id={`${list}-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === chosen}
            className={styles.entry}
            ref={place === chosen ? (element) => element?.scrollIntoView({ block: "nearest" }) : undefined}
            onMouseMove={() => setAt(place)}
            onClick={entry.open}
          >
            <Chip>{messages.kinds[entry.kind]}</Chip>
            <bdi className={styles.label}>{entry.label}</bdi>
            {entry.detail && <code className={styles.detail}>{entry.detail}</code>}
          </div>
        ))}
      </div>
      <div className={styles.foot} aria-live="polite">
        {entries.length ? messages.paletteHint : messages.nothing}
      </div>
    </dialog>
  );
}
