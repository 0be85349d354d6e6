/** Choosing columns: found by words, by prefix, or by what differs; put in order by buttons and drag. */
import { ChevronDown, ChevronUp, X } from "lucide-react";
import { type ReactNode, useDeferredValue, useMemo, useState } from "react";
import { columnId } from "@/features/experiment/columns";
import type { Keys } from "@/features/experiment/data";
import { Button, IconButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import styles from "./ColumnPicker.module.css";
import { type KeyEntry, type KeyNode, keyTree, shareShown } from "./keyTree";
import { messages } from "./messages";
import { ATTRIBUTES, NAME, shifted, statText, tableColumn } from "./tableColumns";
import type { Columns } from "./useColumns";

type Section = keyof typeof messages.sections;
/** More leaves than these are found by searching, not by reading. */
const MOST_LEAVES = 200;

function sectionsOf(keys: Keys | undefined): Record<Section, KeyEntry[]> {
  const entries = (kind: "metric" | "param" | "tag", list: { key: string }[]) =>
    list.map((one) => ({ id: columnId({ kind, key: one.key, stat: "last" }), key: one.key }));
  return {
    attribute: ATTRIBUTES.filter((key) => key !== "run_name").map((key) => ({
      id: `a:${key}`,
      key: messages.attributes[key] ?? key,
    })),
    metric: entries("metric", keys?.metrics ?? []),
    param: entries("param", keys?.params ?? []),
    tag: entries(
      "tag",
      (keys?.tags ?? []).filter((one) => one.key !== "assay.star"),
    ),
  };
}

/** A column stands for its metric whatever figure of it is shown. */
function baseId(id: string): string {
  return id.replace(/^m\.[a-z]+:/, "m:");
}

/** Ids without those of keys that are the same in all runs, or that no run has. */
function keptOf(ids: string[], keys: Keys | undefined, wanted: "differ" | "present"): string[] {
  const found = new Map<string, boolean>();
  for (const one of keys?.metrics ?? []) found.set(`m:${one.key}`, one.varies);
  for (const one of keys?.params ?? []) found.set(`p:${one.key}`, one.varies);
  for (const one of keys?.tags ?? []) found.set(`t:${one.key}`, one.varies);
  return ids.filter((id) => {
    if (!/^[mpt]/.test(id)) return true;
    const varies = found.get(baseId(id));
    return wanted === "differ" ? varies === true : varies !== undefined;
  });
}

export function ColumnPicker({ columns, onClose }: { columns: Columns; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const search = useDeferredValue(typed.trim().toLowerCase());
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => new Set(columns.ids.map(baseId)), [columns.ids]);
  const trees = useMemo(() => {
    const words = search.split(/\s+/).filter(Boolean);
    const fits = (entry: KeyEntry) => words.every((word) => entry.key.toLowerCase().includes(word));
    return Object.entries(sectionsOf(columns.keys)).map(([section, entries]) => {
      const found = entries.filter(fits);
      return { section: section as Section, tree: keyTree(found), all: entries.length };
    });
  }, [columns.keys, search]);

  const toggle = (ids: string[], on: boolean) => {
    const these = new Set(ids);
    columns.setIds(
      on
        ? [...columns.ids, ...ids.filter((id) => !shown.has(id))]
        : columns.ids.filter((id) => !these.has(baseId(id))),
    );
  };
  const allTags = useMemo(() => (columns.keys?.params ?? []).map((one) => `p:${one.key}`), [columns.keys]);

  return (
    <Dialog
      title={messages.columns}
      size="wide"
      onClose={onClose}
      actions={
        <>
          <Button onClick={columns.reset} disabled={!columns.chosen}>
            {messages.resetColumns}
          </Button>
          <Button
            onClick={() => {
              const missing = keptOf(allTags, columns.keys, "differ").filter((id) => !shown.has(id));
              columns.setIds([...keptOf(columns.ids, columns.keys, "differ"), ...missing]);
            }}
          >
            {messages.onlyVarying}
          </Button>
          <Button onClick={() => columns.setIds(keptOf(columns.ids, columns.keys, "present"))}>
            {messages.hideEmpty}
          </Button>
        </>
      }
    >
      <div className={styles.halves}>
        <div className={styles.half}>
          <TextField
            label={messages.columnSearch}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <div className={styles.tree}>
            {trees.every((one) => !one.tree.ids.length) && <p>{messages.noColumns}</p>}
            {trees.map(({ section, tree, all }) =>
              tree.ids.length ? (
                <section key={section}>
                  <Branch
                    node={tree}
                    label={messages.sections[section]}
                    path={section}
                    detail={messages.countOf(tree.ids.filter((id) => shown.has(id)).length, all)}
                    shown={shown}
                    folded={search ? new Set() : folded}
                    onFold={(path) =>
                      setFolded((before) => {
                        const next = new Set(before);
                        if (!next.delete(path)) next.add(path);
                        return next;
                      })
                    }
                    onToggle={toggle}
                  />
                </section>
              ) : null,
            )}
          </div>
        </div>
        <Order columns={columns} />
      </div>
    </Dialog>
  );
}

function TriState({
  state,
  label,
  onChange,
}: {
  state: "all" | "some" | "none";
  label: ReactNode;
  onChange: (on: boolean) => void;
}) {
  return (
    <label className={styles.box}>
      <input
        type="checkbox"
        checked={state === "all"}
        ref={(element) => {
          if (element) element.indeterminate = state === "some";
        }}
        onChange={() => onChange(state !== "all")}
      />
      {label}
    </label>
  );
}

function Branch({
  node,
  label,
  path,
  detail,
  shown,
  folded,
  onFold,
  onToggle,
}: {
  node: KeyNode;
  label: string;
  path: string;
  detail?: string;
  shown: ReadonlySet<string>;
  folded: ReadonlySet<string>;
  onFold: (path: string) => void;
  onToggle: (ids: string[], on: boolean) => void;
}) {
  const open = !folded.has(path);
  return (
    <div className={styles.branch}>
      <div className={styles.line}>
        <button
          type="button"
          className={styles.fold}
          aria-expanded={open}
          aria-label={label}
          onClick={() => onFold(path)}
        >
          {open ? "▾" : "▸"}
        </button>
        <TriState
          state={shareShown(node.ids, shown)}
          label={
            <>
              <strong>
                <bdi>{label}</bdi>
              </strong>
              <span className={styles.quiet}>{detail ?? node.ids.length}</span>
            </>
          }
          onChange={(on) => onToggle(node.ids, on)}
        />
      </div>
      {open && (
        <div className={styles.below}>
          {node.folders.map((folder) => (
            <Branch
              key={folder.prefix}
              node={folder}
              label={folder.label}
              path={`${path}:${folder.prefix}`}
              shown={shown}
              folded={folded}
              onFold={onFold}
              onToggle={onToggle}
            />
          ))}
          {node.leaves.slice(0, MOST_LEAVES).map((leaf) => (
            <TriState
              key={leaf.id}
              state={shown.has(leaf.id) ? "all" : "none"}
              label={<bdi>{leaf.label}</bdi>}
              onChange={(on) => onToggle([leaf.id], on)}
            />
          ))}
          {node.leaves.length > MOST_LEAVES && (
            <p className={styles.quiet}>{messages.more(node.leaves.length - MOST_LEAVES)}</p>
          )}
        </div>
      )}
    </div>
  );
}

function Order({ columns }: { columns: Columns }) {
  return (
    <div className={styles.half}>
      <h3>{messages.shownColumns}</h3>
      <ol className={styles.order}>
        {columns.ids.map((id, place) => {
          const column = tableColumn(id);
          if (!column) return null;
          const name = column.kind === "spark" ? messages.curve(column.key) : column.label;
          return (
            <li key={id}>
              <bdi>{name}</bdi>
              {column.stat !== "last" && <span className={styles.quiet}>{statText(column)}</span>}
              <span className={styles.buttons}>
                <IconButton
                  label={messages.moveUp(name)}
                  disabled={place === 0}
                  onClick={() => columns.setIds(shifted(columns.ids, id, -1))}
                >
                  <ChevronUp size={14} />
                </IconButton>
                <IconButton
                  label={messages.moveDown(name)}
                  disabled={place === columns.ids.length - 1}
                  onClick={() => columns.setIds(shifted(columns.ids, id, 1))}
                >
                  <ChevronDown size={14} />
                </IconButton>
                <IconButton
                  label={messages.columnHidden(name)}
                  disabled={id === NAME}
                  onClick={() => columns.setIds(columns.ids.filter((one) => one !== id))}
                >
                  <X size={14} />
                </IconButton>
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
