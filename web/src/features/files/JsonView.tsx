/** JSON as a tree that folds. */
import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight } from "lucide-react";
import { type KeyboardEvent, useMemo, useState } from "react";
import { send } from "@/api/client";
import { CopyButton } from "@/ui/Copy";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { firstOpen, isBranch, type Json, jsonRows, parseJson } from "./jsonRows";
import { messages } from "./messages";
import { factsQuery, type Place, placeKey, rawUrl } from "./place";
import { visible } from "./spans";
import { treeKey } from "./treeKeys";
import { useWindow } from "./useWindow";
import styles from "./views.module.css";

const MAX_BYTES = 20_000_000;
const ROW = 24;
const MAX_SHOWN = 1_000;

/** The content of a file as text, up to a size that a browser bears. */
export function useContent(place: Place, path: string, most = MAX_BYTES) {
  const facts = useQuery(factsQuery(place, path));
  const size = facts.data?.size;
  const content = useQuery({
    queryKey: ["files", "content", placeKey(place), path, facts.data?.etag],
    queryFn: ({ signal }) => send(rawUrl(place, path), { signal }).then((answer) => answer.text()),
    enabled: size !== undefined && size <= most,
    staleTime: 60_000,
    gcTime: 60_000,
    retry: false,
  });
  const tooLarge = size !== undefined && size > most ? size : null;
  return { text: content.data, tooLarge, error: facts.error ?? content.error };
}

export default function JsonView({ place, path }: { place: Place; path: string }) {
  const { text, tooLarge, error } = useContent(place, path);
  const parsed = useMemo(() => {
    if (text === undefined) return null;
    try {
      return { value: parseJson(text), problem: "" };
    } catch (problem) {
      return { value: null, problem: String(problem instanceof Error ? problem.message : problem) };
    }
  }, [text]);
  if (tooLarge !== null) return <Notice title={messages.tooLarge(tooLarge)} />;
  if (error) return <ErrorNotice error={error} />;
  if (!parsed) return <Skeleton height={300} />;
  if (parsed.problem) return <Notice title={messages.notJson}>{parsed.problem}</Notice>;
  return <JsonTree key={path} value={parsed.value} label={path} />;
}

export function JsonTree({ value, label }: { value: Json; label: string }) {
  const [opened, setOpened] = useState(() => firstOpen(value));
  const [active, setActive] = useState(0);
  const rows = useMemo(() => jsonRows(value, opened), [value, opened]);
  const view = useWindow(rows.length, ROW);
  const toggle = (id: string, open?: boolean) =>
    setOpened((before) => {
      const after = new Set(before);
      if (open ?? !before.has(id)) after.add(id);
      else after.delete(id);
      return after;
    });
  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setActive(next);
    view.scrollTo(next);
  };
  const press = (event: KeyboardEvent) => {
    const row = rows[active];
    if (!row) return;
    const does = treeKey(event.key, rows, active, view.visible);
    if (!does) return;
    event.preventDefault();
    if (does.kind === "move") move(does.to);
    else if (row.open !== null) toggle(row.id, does.kind === "fold" ? does.open : undefined);
  };
  const shown = rows.slice(view.first, view.end);
  return (
    <div
      ref={view.box}
      className={styles.json}
      role="tree"
      aria-label={label}
      aria-activedescendant={`json-${active}`}
      tabIndex={0}
      onKeyDown={press}
    >
      <div style={{ height: view.height }}>
        <div style={{ transform: `translateY(${view.top}px)` }}>
          {shown.map((row, place) => {
            const index = view.first + place;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the tree hears the keys for all its items
              <div
                key={row.id}
                id={`json-${index}`}
                role="treeitem"
                tabIndex={-1}
                aria-level={row.depth + 1}
                aria-expanded={row.open ?? undefined}
                aria-selected={index === active}
                className={styles.jsonRow}
                style={{ paddingInlineStart: 6 + row.depth * 16 }}
                onClick={() => {
                  setActive(index);
                  if (row.open !== null) toggle(row.id);
                }}
              >
                <span className={styles.twist} aria-hidden="true">
                  {row.open !== null && (row.open ? <ChevronDown size={14} /> : <ChevronRight size={14} />)}
                </span>
                {row.depth > 0 && <bdi className={styles.key}>{visible(row.name).slice(0, 300)}</bdi>}
                <JsonValue value={row.value} open={row.open} />
                <CopyButton text={() => textOf(row.value)} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

const textOf = (value: Json) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function JsonValue({ value, open }: { value: Json; open: boolean | null }) {
  if (isBranch(value)) {
    const count = Object.keys(value).length;
    return (
      <span className={styles.quiet}>
        {Array.isArray(value) ? messages.items(count) : messages.keys(count)}
        {open ? "" : " …"}
      </span>
    );
  }
  const text = visible(JSON.stringify(value));
  return (
    <bdi className={styles.value} data-kind={value === null ? "null" : typeof value}>
      {text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}
    </bdi>
  );
}
