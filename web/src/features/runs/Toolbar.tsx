/** Above the table: the query, the columns, groups, saved views and options. */
import { Columns3, Download, Group, SlidersHorizontal, Trash2 } from "lucide-react";
import { lazy, type RefObject, Suspense, useState } from "react";
import type { ApiError } from "@/api/client";
import { columnId } from "@/features/experiment/columns";
import { whichRuns } from "@/features/experiment/data";
import { type ExperimentSearch, GROUP_FIGURES } from "@/features/experiment/search";
import type { SetExperimentState } from "@/features/experiment/state";
import { Button } from "@/ui/Button";
import { Menu, type MenuEntry } from "@/ui/Menu";
import { groupLabel } from "./grouping";
import { messages } from "./messages";
import { QueryBox, type QueryBoxHandle } from "./QueryBox";
import styles from "./RunTable.module.css";
import { download, exportAddress } from "./SelectionBar";
import type { Columns } from "./useColumns";
import { Views } from "./Views";

const ColumnPicker = lazy(() => import("./ColumnPicker").then((m) => ({ default: m.ColumnPicker })));
const MOST_GROUPS_OFFERED = 40;
const FORMATS = ["csv", "parquet", "json"] as const;

function groupEntries(state: ExperimentSearch, columns: Columns, set: SetExperimentState): MenuEntry[] {
  const by = state.group ?? [];
  const varying = (columns.keys?.params ?? []).filter((one) => one.varies);
  const tags = (columns.keys?.tags ?? []).filter((one) => one.varies && !one.key.startsWith("mlflow."));
  const offered = [
    "a:status",
    "a:user_id",
    ...varying.map((one) => columnId({ kind: "param", key: one.key, stat: "last" })),
    ...tags.map((one) => columnId({ kind: "tag", key: one.key, stat: "last" })),
    ...(columns.keys?.datasets.length ? ["d:name", "d:digest"] : []),
  ].slice(0, MOST_GROUPS_OFFERED);
  return [
    { label: messages.groupNone, disabled: !by.length, onSelect: () => set({ group: undefined }) },
    "separator",
    ...[...new Set([...by, ...offered])].map((id) => ({
      label: groupLabel(id).slice(0, 80),
      checked: by.includes(id),
      onSelect: () => {
        const next = by.includes(id) ? by.filter((one) => one !== id) : [...by, id].slice(0, 4);
        set({ group: next.length ? next : undefined });
      },
    })),
    ...(by.length
      ? [
          "separator" as const,
          ...[undefined, ...GROUP_FIGURES].map((figure) => ({
            label: messages.groupShows[figure ?? "mean"],
            checked: state.figure === figure,
            onSelect: () => set({ figure }),
          })),
        ]
      : []),
  ];
}

export function Toolbar({
  experimentIds,
  state,
  set,
  columns,
  error,
  query,
  wrap,
  onWrap,
}: {
  experimentIds: string[];
  state: ExperimentSearch;
  set: SetExperimentState;
  columns: Columns;
  error: ApiError | null;
  query: RefObject<QueryBoxHandle | null>;
  wrap: boolean;
  onWrap: () => void;
}) {
  const [picking, setPicking] = useState(false);
  const deleted = state.view === "deleted";
  const which = whichRuns(experimentIds, state);
  return (
    <div className={styles.toolbar}>
      <QueryBox
        ref={query}
        value={state.q ?? ""}
        keys={columns.keys}
        experimentIds={experimentIds}
        error={error}
        onChange={(q, step) => set({ q: q || undefined }, { replace: !step })}
      />
      <Button onClick={() => setPicking(true)} aria-haspopup="dialog">
        <Columns3 size={15} aria-hidden="true" />
        {messages.columns}
      </Button>
      <Menu
        label={messages.group}
        trigger={
          <Button aria-pressed={Boolean(state.group)}>
            <Group size={15} aria-hidden="true" />
            {state.group ? state.group.map(groupLabel).join(", ").slice(0, 40) : messages.group}
          </Button>
        }
        entries={groupEntries(state, columns, set)}
      />
      <Views experimentIds={experimentIds} state={state} set={set} />
      <Menu
        label={messages.view}
        trigger={
          <Button>
            <SlidersHorizontal size={15} aria-hidden="true" />
            {messages.view}
          </Button>
        }
        entries={[
          {
            label: messages.nest,
            checked: state.nest ?? false,
            onSelect: () => set({ nest: state.nest ? undefined : true }),
          },
          { label: messages.wrap, checked: wrap, onSelect: onWrap },
          "separator",
          ...FORMATS.map((format) => ({
            label: `${messages.export}: ${messages.exportAs[format]}`,
            icon: <Download size={14} aria-hidden="true" />,
            onSelect: () => download(exportAddress(which, which.order_by, format)),
          })),
          "separator",
          {
            label: deleted ? messages.backToActive : messages.bin,
            icon: <Trash2 size={14} aria-hidden="true" />,
            onSelect: () => set({ view: deleted ? undefined : "deleted", runs: undefined }),
          },
        ]}
      />
      {deleted && (
        <Button kind="primary" onClick={() => set({ view: undefined, runs: undefined })}>
          {messages.backToActive}
        </Button>
      )}
      {picking && (
        <Suspense>
          <ColumnPicker columns={columns} onClose={() => setPicking(false)} />
        </Suspense>
      )}
    </div>
  );
}
