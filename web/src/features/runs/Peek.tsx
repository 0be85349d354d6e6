/** A run beside the table: what it is, what it logged, and its note. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ExternalLink, X } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { get, type JsonNumber, toNumber } from "@/api/client";
import { colourOf, useDark } from "@/charts/colours";
import { Button, IconButton } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { Status, Swatch, Time } from "@/ui/Facts";
import { formatDuration, formatNumber } from "@/ui/format";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { toastError } from "@/ui/Toasts";
import { deltaText, exactValue } from "./cells";
import { setNote } from "./changes";
import { messages } from "./messages";
import styles from "./Peek.module.css";
import type { RunRecord } from "./records";
import type { RunStore } from "./store";

const Markdown = lazy(() => import("@/ui/Markdown"));
const NOTE = "mlflow.note.content";
const MOST_SHOWN = 200;
const MOST_TEXT = 500;

interface Entry {
  key: string;
  value: string;
}

export function Peek({
  runId,
  base,
  store,
  onOpen,
  onClose,
  onStep,
}: {
  runId: string;
  base: RunRecord | null;
  store: RunStore;
  onOpen: (run: RunRecord) => void;
  onClose: () => void;
  onStep: (by: number) => void;
}) {
  const dark = useDark();
  const run = useQuery({
    queryKey: ["peek", runId],
    queryFn: ({ signal }) =>
      get("/api/2.0/mlflow/runs/get", { run_id: runId }, signal).then((answer) => answer.run),
    staleTime: 2_000,
  });
  const info = run.data?.info;
  const data = run.data?.data;
  const record = store.runs.get(runId);
  const tags = ((data?.tags ?? []) as Entry[]).filter((tag) => !tag.key.startsWith("mlflow."));
  const note = ((data?.tags ?? []) as Entry[]).find((tag) => tag.key === NOTE)?.value ?? "";
  const start = info?.start_time === undefined ? null : Number(info.start_time);
  const end = info?.end_time ? Number(info.end_time) : null;
  return (
    <aside
      className={styles.peek}
      aria-label={messages.peek}
      onKeyDown={(event) => {
        if ((event.target as HTMLElement).matches("input, textarea")) return;
        if (event.key === "Escape") onClose();
        if (event.key === "j") onStep(1);
        if (event.key === "k") onStep(-1);
      }}
    >
      <header className={styles.head}>
        <Swatch colour={colourOf(runId, dark)} />
        <h2>
          <bdi>{record?.name ?? info?.run_name ?? runId}</bdi>
        </h2>
        {record && (
          <IconButton label={messages.peekOpen} onClick={() => onOpen(record)}>
            <ExternalLink size={15} />
          </IconButton>
        )}
        <IconButton label={messages.peekClose} onClick={onClose}>
          <X size={15} />
        </IconButton>
      </header>
      {run.isError && <ErrorNotice error={run.error} retry={() => run.refetch()} />}
      {!run.data && !run.isError && <Skeleton height={160} />}
      {info && (
        <div className={styles.body}>
          <p className={styles.line}>
            <Status status={record?.status ?? String(info.status ?? "")} />
            <Time ms={start} />
            {start !== null && end !== null && <span>{formatDuration(end - start)}</span>}
          </p>
          <p className={styles.line}>
            <code>{runId}</code>
            <CopyButton text={runId} label={messages.copyId} />
          </p>
          <Note runId={runId} note={note} />
          <Pairs
            title={messages.metrics}
            entries={((data?.metrics ?? []) as unknown as { key: string; value: JsonNumber }[]).map(
              ({ key, value }) => {
                const number = toNumber(value);
                const delta = base && base.id !== runId ? deltaText(number, base.cells[`m:${key}`]) : "";
                return {
                  key,
                  title: exactValue(number),
                  value: (
                    <>
                      {delta && <span className={styles.quiet}>{delta} </span>}
                      {formatNumber(number)}
                    </>
                  ),
                };
              },
            )}
          />
          <Pairs title={messages.params} entries={((data?.params ?? []) as Entry[]).map(textPair)} />
          <Pairs title={messages.tags} entries={tags.map(textPair)} />
          <p className={styles.quiet}>{messages.keysHint}</p>
        </div>
      )}
    </aside>
  );
}

function textPair({ key, value }: Entry) {
  return { key, title: value.slice(0, 2_000), value: <bdi>{value.slice(0, MOST_TEXT)}</bdi> };
}

function Pairs({
  title,
  entries,
}: {
  title: string;
  entries: { key: string; title: string; value: ReactNode }[];
}) {
  const [all, setAll] = useState(false);
  if (!entries.length) return null;
  const shown = all ? entries : entries.slice(0, MOST_SHOWN);
  return (
    <section className={styles.section}>
      <h3>{title}</h3>
      <dl className={styles.pairs}>
        {shown.map((one) => (
          <div key={one.key}>
            <dt>
              <bdi title={one.key}>{one.key}</bdi>
            </dt>
            <dd title={one.title}>{one.value}</dd>
          </div>
        ))}
      </dl>
      {entries.length > shown.length && (
        <Button onClick={() => setAll(true)}>{messages.more(entries.length - shown.length)}</Button>
      )}
    </section>
  );
}

function Note({ runId, note }: { runId: string; note: string }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const [shown, setShown] = useState(note);
  const save = async () => {
    if (draft === null) return;
    const before = shown;
    setShown(draft);
    setDraft(null);
    try {
      await setNote(runId, draft);
      await client.invalidateQueries({ queryKey: ["peek", runId] });
    } catch (error) {
      setShown(before);
      setDraft(draft);
      toastError(error);
    }
  };
  return (
    <section className={styles.section}>
      <h3>{messages.note}</h3>
      {draft === null ? (
        <>
          {shown && (
            <Suspense fallback={<Skeleton height={40} />}>
              <Markdown text={shown} />
            </Suspense>
          )}
          <Button onClick={() => setDraft(shown)}>{shown ? messages.noteEdit : messages.noteAdd}</Button>
        </>
      ) : (
        <>
          <textarea
            className={styles.draft}
            aria-label={messages.note}
            rows={5}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          <p className={styles.line}>
            <Button kind="primary" onClick={save}>
              {messages.save}
            </Button>
            <Button onClick={() => setDraft(null)}>{messages.cancel}</Button>
          </p>
        </>
      )}
    </section>
  );
}
