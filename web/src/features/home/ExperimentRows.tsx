/** The table of experiments, in folders that fold. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronDown, ChevronRight, Ellipsis, Folder as FolderIcon } from "lucide-react";
import { useMemo, useState } from "react";
import { post } from "@/api/client";
import { keep, readKept } from "@/app/preferences";
import { IconButton } from "@/ui/Button";
import { Chip, Time } from "@/ui/Facts";
import { formatCount } from "@/ui/format";
import { Menu, type MenuEntry } from "@/ui/Menu";
import { toast, toastError } from "@/ui/Toasts";
import type { Overview } from "./data";
import { type Folder, type Leaf, lines, runCount, type Sort } from "./folders";
import styles from "./HomePage.module.css";
import { messages } from "./messages";

const FOLDED = "assay.home.folded";
const HIDDEN_TAGS = /^(mlflow|assay)\./;
const MOST_TAGS = 3;

function useActions(overview: Overview, onRename: (overview: Overview) => void): MenuEntry[] {
  const queries = useQueryClient();
  const { experiment_id, name, lifecycle_stage } = overview.experiment;
  const after = () => queries.invalidateQueries({ queryKey: ["experiments"] });
  const restore = () =>
    post("/api/2.0/mlflow/experiments/restore", { experiment_id }).then(() => {
      toast({ text: messages.restored(name) });
      return after();
    }, toastError);
  const remove = () =>
    post("/api/2.0/mlflow/experiments/delete", { experiment_id }).then(() => {
      toast({ text: messages.removed(name), undo: restore });
      return after();
    }, toastError);
  if (lifecycle_stage === "deleted") return [{ label: messages.restore, onSelect: restore }];
  return [
    { label: messages.rename, onSelect: () => onRename(overview) },
    { label: messages.remove, tone: "bad", onSelect: remove },
  ];
}

function FolderRow({ folder, isFolded, toggle }: { folder: Folder; isFolded: boolean; toggle: () => void }) {
  const Arrow = isFolded ? ChevronRight : ChevronDown;
  return (
    <tr>
      <td />
      <th
        scope="row"
        colSpan={6}
        className={styles.name}
        style={{ paddingInlineStart: 10 + folder.depth * 20 }}
      >
        <button type="button" className={styles.fold} aria-expanded={!isFolded} onClick={toggle}>
          <Arrow size={14} aria-hidden="true" />
          <FolderIcon size={14} aria-hidden="true" />
          <bdi>{folder.name}</bdi>
          <span className={styles.count}>{formatCount(folder.count)}</span>
          <span className="visually-hidden">{messages.inFolder}</span>
        </button>
      </th>
      <td />
    </tr>
  );
}

function ExperimentRow({
  leaf,
  isSelected,
  onSelect,
  onRename,
}: {
  leaf: Leaf;
  isSelected: boolean;
  onSelect: (on: boolean) => void;
  onRename: (overview: Overview) => void;
}) {
  const { experiment, runs } = leaf.overview;
  const actions = useActions(leaf.overview, onRename);
  const tags = Object.entries(experiment.tags ?? {}).filter(([key]) => !HIDDEN_TAGS.test(key));
  const failed = (runs.FAILED ?? 0) + (runs.KILLED ?? 0);
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          className={styles.box}
          aria-label={messages.select(experiment.name)}
          checked={isSelected}
          onChange={(event) => onSelect(event.target.checked)}
        />
      </td>
      <th scope="row" className={styles.name} style={{ paddingInlineStart: 10 + leaf.depth * 20 }}>
        <Link
          to="/experiments/$ids"
          params={{ ids: experiment.experiment_id }}
          search={{}}
          title={experiment.name}
        >
          <bdi>{leaf.name}</bdi>
        </Link>
      </th>
      <td className={styles.figure}>{formatCount(runCount(leaf.overview))}</td>
      <td className={styles.figure}>
        {runs.RUNNING ? <Chip tone="busy">{formatCount(runs.RUNNING)}</Chip> : null}
      </td>
      <td className={styles.figure}>{failed ? <Chip tone="bad">{formatCount(failed)}</Chip> : null}</td>
      <td>
        <span className={styles.tags}>
          {tags.slice(0, MOST_TAGS).map(([key, value]) => (
            <Chip key={key} title={`${key}: ${value}`}>
              {key}: {value}
            </Chip>
          ))}
        </span>
      </td>
      <td className={styles.quiet}>
        <Time ms={experiment.last_update_time} />
      </td>
      <td className={styles.figure}>
        <Menu
          label={messages.more(experiment.name)}
          entries={actions}
          trigger={
            <IconButton label={messages.more(experiment.name)}>
              <Ellipsis size={16} />
            </IconButton>
          }
        />
      </td>
    </tr>
  );
}

export function ExperimentRows({
  experiments,
  sort,
  selected,
  onSelect,
  onRename,
}: {
  experiments: Overview[];
  sort: Sort;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  onRename: (overview: Overview) => void;
}) {
  const [folded, setFolded] = useState(() => new Set(readKept<string[]>(FOLDED, [])));
  const tree = useMemo(() => lines(experiments, sort, folded), [experiments, sort, folded]);
  const toggle = (path: string) => {
    const next = new Set(folded);
    if (!next.delete(path)) next.add(path);
    keep(FOLDED, [...next]);
    setFolded(next);
  };
  const select = (id: string, on: boolean) => {
    const next = new Set(selected);
    if (on) next.add(id);
    else next.delete(id);
    onSelect(next);
  };
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <td />
            <th scope="col">{messages.name}</th>
            <th scope="col" className={styles.figure}>
              {messages.runs}
            </th>
            <th scope="col" className={styles.figure}>
              {messages.running}
            </th>
            <th scope="col" className={styles.figure}>
              {messages.failed}
            </th>
            <th scope="col">{messages.tags}</th>
            <th scope="col">{messages.updated}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {tree.map((line) =>
            line.kind === "folder" ? (
              <FolderRow
                key={`folder ${line.path}`}
                folder={line}
                isFolded={folded.has(line.path)}
                toggle={() => toggle(line.path)}
              />
            ) : (
              <ExperimentRow
                key={line.overview.experiment.experiment_id}
                leaf={line}
                isSelected={selected.has(line.overview.experiment.experiment_id)}
                onSelect={(on) => select(line.overview.experiment.experiment_id, on)}
                onRename={onRename}
              />
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}
