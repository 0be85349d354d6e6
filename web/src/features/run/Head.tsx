/** The run's name and state, with what can be done to it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  ChevronLeft,
  ChevronRight,
  Fingerprint,
  Link2,
  MoreHorizontal,
  Pencil,
  Star,
  Trash2,
  Undo2,
} from "lucide-react";
import { useEffect, useState } from "react";
import { May } from "@/app/May";
import { useMe } from "@/app/me";
import { colourOf, useDark } from "@/charts/colours";
import { visible } from "@/features/files/spans";
import { HeadBadge, OriginalLink } from "@/features/reproduction/HeadBadge";
import { Button, IconButton } from "@/ui/Button";
import { Chip, Status, Swatch, Time } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { formatDuration } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { toast, toastError } from "@/ui/Toasts";
import { deleteRun, deleteTag, rename, restoreRun, setTag } from "./actions";
import { experimentQuery, parentOf, type Run, runQuery, STAR_TAG } from "./data";
import { messages } from "./messages";
import styles from "./run.module.css";
import type { Neighbours } from "./useNeighbours";
import { kept, useRunSearch } from "./useRunSearch";

export function Head({ run, neighbours }: { run: Run; neighbours: Neighbours | null }) {
  const queries = useQueryClient();
  const dark = useDark();
  const [renaming, setRenaming] = useState(false);
  const { info } = run;
  const starred = Boolean(run.data.tags[STAR_TAG]);
  const copy = (text: string) => () =>
    void navigator.clipboard.writeText(text).then(() => toast({ text: words.copied }), toastError);
  const manages = useMe().may("manage");
  const move =
    info.lifecycle_stage === "deleted"
      ? {
          label: messages.restore,
          icon: <Undo2 size={14} />,
          onSelect: () => void restoreRun(queries, info.run_id),
        }
      : {
          label: messages.delete,
          icon: <Trash2 size={14} />,
          tone: "bad" as const,
          onSelect: () => void deleteRun(queries, run),
        };
  return (
    <header className={styles.head}>
      <Trail run={run} />
      <div className={styles.titleRow}>
        {renaming ? (
          <Rename run={run} onDone={() => setRenaming(false)} />
        ) : (
          <>
            <Swatch colour={colourOf(info.run_id, dark)} />
            <h1 className={styles.title}>
              <bdi>{visible(info.run_name)}</bdi>
            </h1>
            <May to="write">
              <IconButton label={messages.rename} onClick={() => setRenaming(true)}>
                <Pencil size={14} />
              </IconButton>
            </May>
          </>
        )}
        <May to="write">
          <IconButton
            label={messages.star}
            aria-pressed={starred}
            onClick={() =>
              starred ? deleteTag(queries, run, STAR_TAG) : setTag(queries, info.run_id, STAR_TAG, "true")
            }
          >
            <Star size={15} fill={starred ? "currentColor" : "none"} />
          </IconButton>
        </May>
        {info.lifecycle_stage === "deleted" && <Chip tone="bad">{messages.deleted}</Chip>}
        <span className={styles.spacer} />
        <Step neighbours={neighbours} />
        <IconButton label={messages.copyLink} onClick={copy(location.href)}>
          <Link2 size={16} />
        </IconButton>
        <Menu
          label={messages.more}
          trigger={
            <IconButton label={messages.more}>
              <MoreHorizontal size={16} />
            </IconButton>
          }
          entries={[
            { label: messages.copyId, icon: <Fingerprint size={14} />, onSelect: copy(info.run_id) },
            ...(manages ? [move] : []),
          ]}
        />
      </div>
      <div className={styles.facts}>
        <Status status={info.status} />
        <HeadBadge run={run} />
        <span>
          {messages.started} <Time ms={info.start_time} />
        </span>
        <span>
          {messages.duration} <Duration run={run} />
        </span>
        {info.user_id && <span>{messages.by(visible(info.user_id).slice(0, 100))}</span>}
        <OriginalLink run={run} />
      </div>
    </header>
  );
}

/** How long the run took; of one that goes on, so far. */
export function Duration({ run }: { run: Run }) {
  const { start_time, end_time, status } = run.info;
  const running = end_time === null && status === "RUNNING";
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    const timer = window.setInterval(() => setNow(Date.now()), 1_000);
    return () => window.clearInterval(timer);
  }, [running]);
  const end = end_time ?? (running ? now : null);
  return formatDuration(end === null || start_time === null ? null : end - start_time) || "–";
}

function Trail({ run }: { run: Run }) {
  const { search } = useRunSearch();
  const experiment = useQuery(experimentQuery(run.info.experiment_id));
  const parentId = parentOf(run);
  const parent = useQuery({ ...runQuery(parentId ?? ""), enabled: parentId !== undefined });
  return (
    <nav className={styles.trail} aria-label={messages.experiments}>
      <Link to="/">{messages.experiments}</Link>
      <span aria-hidden="true">/</span>
      <Link to="/experiments/$ids" params={{ ids: run.info.experiment_id }}>
        <bdi>{visible(experiment.data?.name ?? run.info.experiment_id).slice(0, 120)}</bdi>
      </Link>
      {parentId && (
        <>
          <span aria-hidden="true">/</span>
          <Link
            to="/runs/$runId"
            params={{ runId: parentId }}
            search={() => kept(search)}
            title={messages.parent}
          >
            <bdi>{visible(parent.data?.info.run_name ?? parentId).slice(0, 120)}</bdi>
          </Link>
        </>
      )}
    </nav>
  );
}

function Step({ neighbours }: { neighbours: Neighbours | null }) {
  const { search } = useRunSearch();
  if (!neighbours || neighbours.total < 2) return null;
  const link = (runId: string | null, label: string, icon: React.ReactNode) =>
    runId ? (
      <Link
        to="/runs/$runId"
        params={{ runId }}
        search={() => kept(search)}
        className={styles.iconLink}
        aria-label={label}
        title={label}
      >
        {icon}
      </Link>
    ) : (
      <IconButton label={label} disabled>
        {icon}
      </IconButton>
    );
  return (
    <span className={styles.step}>
      {link(neighbours.previous, messages.previous, <ChevronLeft size={16} />)}
      <span className={styles.quiet}>{messages.position(neighbours.at + 1, neighbours.total)}</span>
      {link(neighbours.next, messages.next, <ChevronRight size={16} />)}
    </span>
  );
}

function Rename({ run, onDone }: { run: Run; onDone: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState(run.info.run_name);
  return (
    <form
      className={styles.rename}
      onSubmit={(event) => {
        event.preventDefault();
        onDone();
        if (name.trim() && name !== run.info.run_name) rename(queries, run.info.run_id, name.trim());
      }}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      <TextField
        label={messages.name}
        hideLabel
        autoFocus
        maxLength={1_000}
        value={name}
        onFocus={(event) => event.target.select()}
        onChange={(event) => setName(event.target.value)}
      />
      <Button type="submit" kind="primary">
        {messages.save}
      </Button>
      <Button onClick={onDone}>{messages.cancel}</Button>
    </form>
  );
}
