/** The tree of files: only rows in view are in the page, keys as in any tree. */
import { ChevronDown, ChevronRight, File, FileCode, FileText, Folder, FolderOpen, Image } from "lucide-react";
import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import { Button } from "@/ui/Button";
import { formatBytes } from "@/ui/format";
import styles from "./files.module.css";
import { viewsOf } from "./kinds";
import { messages } from "./messages";
import { visible } from "./spans";
import { treeKey } from "./treeKeys";
import type { TreeModel, TreeRow, TreeState } from "./treeModel";
import { useWindow } from "./useWindow";

const ROW = 28;
const MAX_NAME = 300;
/** The next page of a folder is read when its end is this near. */
const AHEAD = 300;

const ICONS = { image: Image, svg: Image, text: FileText, markdown: FileText, notebook: FileCode };

const keyRow = (row: TreeRow) => ({
  depth: row.depth,
  open: row.kind === "entry" && row.entry.is_dir ? row.open : null,
});

function EntryIcon({ row }: { row: Extract<TreeRow, { kind: "entry" }> }) {
  if (row.entry.is_dir) return row.open ? <FolderOpen size={15} /> : <Folder size={15} />;
  const Icon = ICONS[viewsOf(row.entry.path)[0] as keyof typeof ICONS] ?? File;
  return <Icon size={15} />;
}

export function Tree({
  model,
  state,
  selected,
  onSelect,
}: {
  model: TreeModel;
  state: TreeState;
  selected: string | undefined;
  onSelect: (path: string, isFolder: boolean) => void;
}) {
  const { rows } = state;
  const view = useWindow(rows.length, ROW);
  const [active, setActive] = useState(0);
  const chosen = useMemo(
    () => rows.findIndex((row) => row.kind === "entry" && row.entry.path === selected),
    [rows, selected],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new choice moves the list, not each reading of it
  useEffect(() => {
    if (chosen < 0) return;
    setActive(chosen);
    view.scrollTo(chosen);
  }, [selected, chosen < 0]);
  useEffect(() => {
    for (const row of rows.slice(view.first, view.end + AHEAD))
      if (row.kind === "more") model.more(row.folder);
  }, [rows, view.first, view.end, model]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setActive(next);
    view.scrollTo(next);
  };
  const act = (row: TreeRow | undefined) => {
    if (row?.kind !== "entry") return;
    if (row.entry.is_dir) model.toggle(row.entry.path);
    onSelect(row.entry.path, row.entry.is_dir);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[active];
    const does = treeKey(event.key, rows.map(keyRow), active, view.visible);
    if (!does) return;
    event.preventDefault();
    if (does.kind === "move") move(does.to);
    else if (does.kind === "act") act(row);
    else if (row?.kind === "entry") model.toggle(row.entry.path, does.open);
  };
  return (
    <div
      ref={view.box}
      className={styles.tree}
      role="tree"
      aria-label={messages.tree}
      aria-activedescendant={rows.length ? `file-${active}` : undefined}
      tabIndex={0}
      onKeyDown={press}
    >
      <div role="presentation" style={{ height: view.height }}>
        <div role="presentation" style={{ transform: `translateY(${view.top}px)` }}>
          {rows.slice(view.first, view.end).map((row, place) => {
            const index = view.first + place;
            return row.kind === "entry" ? (
              <EntryRow
                key={`e:${row.entry.path}`}
                id={`file-${index}`}
                row={row}
                whole={state.search !== ""}
                active={index === active}
                selected={row.entry.path === selected}
                onClick={() => {
                  setActive(index);
                  act(row);
                }}
              />
            ) : (
              <div
                key={`${row.kind}:${row.folder}`}
                id={`file-${index}`}
                role="treeitem"
                tabIndex={-1}
                aria-selected={false}
                aria-level={row.depth + 1}
                className={styles.other}
                style={{ paddingInlineStart: 28 + row.depth * 16 }}
              >
                {row.kind === "error" ? (
                  <>
                    {messages.failedList}
                    <Button kind="quiet" onClick={() => model.retry(row.folder)}>
                      {messages.refresh}
                    </Button>
                  </>
                ) : row.kind === "empty" ? (
                  state.search ? (
                    messages.nothingFound
                  ) : (
                    messages.emptyFolder
                  )
                ) : (
                  messages.loading
                )}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function EntryRow({
  id,
  row,
  whole,
  active,
  selected,
  onClick,
}: {
  id: string;
  row: Extract<TreeRow, { kind: "entry" }>;
  /** Show the whole path: a search's hits come from everywhere. */
  whole: boolean;
  active: boolean;
  selected: boolean;
  onClick: () => void;
}) {
  const { entry } = row;
  const name = visible(whole ? entry.path : (entry.path.split("/").at(-1) ?? entry.path));
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree hears the keys for all its items
    <div
      id={id}
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-expanded={entry.is_dir ? row.open : undefined}
      aria-selected={selected}
      className={styles.entry}
      data-active={active || undefined}
      data-folder={entry.is_dir ? entry.path : entry.path.slice(0, Math.max(0, entry.path.lastIndexOf("/")))}
      title={visible(entry.path).slice(0, 1_000)}
      style={{ paddingInlineStart: 4 + row.depth * 16 }}
      onClick={onClick}
    >
      <span className={styles.twist} aria-hidden="true">
        {entry.is_dir && (row.open ? <ChevronDown size={14} /> : <ChevronRight size={14} />)}
      </span>
      <span className={styles.icon} aria-hidden="true">
        <EntryIcon row={row} />
      </span>
      <bdi className={styles.name}>{name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name}</bdi>
      {entry.size !== null && <span className={styles.size}>{formatBytes(entry.size)}</span>}
    </div>
  );
}
