/** One row of the table: plain elements only, as some fifty of them are drawn anew with each scroll. */
import { memo, type ReactNode } from "react";
import { address } from "@/api/client";
import { colourOf } from "@/charts/colours";
import { ColourMark } from "@/features/experiment/ColourMark";
import type { Colouring } from "@/features/experiment/colouring";
import type { GroupFigure } from "@/features/experiment/search";
import { formatCount, formatNumber } from "@/ui/format";
import { cellText, deltaText } from "./cells";
import { endOf, isBest, markOf, type Range, shareOf } from "./marks";
import { messages } from "./messages";
import styles from "./RunTable.module.css";
import { cellOf, type GroupRecord, type RunRecord } from "./records";
import type { Slice } from "./slice";
import { SPARK_HEIGHT, SPARK_WIDTH, sparkOf } from "./sparks";
import { NAME, type TableColumn } from "./tableColumns";

export interface RowLook {
  slice: Slice;
  ranges: Record<string, Range>;
  /** Changes when a reader changes how a metric is marked. */
  marks: number;
  base: RunRecord | null;
  dark: boolean;
  /** What the colours of runs mean, if they have been given a meaning. */
  colouring: Colouring | null;
  /** Which of the values that make a group is the one that colours tell; -1 for none. */
  colourPlace: number;
  /** What groups show of a metric. */
  figure: GroupFigure | undefined;
  /** Whether runs may be changed. */
  mayWrite: boolean;
  /** Times are drawn anew when the zone changes. */
  zone: string;
}

export interface RowProps {
  look: RowLook;
  run?: RunRecord;
  group?: GroupRecord;
  /** For what is grouped by: how the values are called. */
  groupLabels?: string[];
  depth: number;
  tree: boolean;
  index: number;
  top: number | null;
  selected: boolean;
  hidden: boolean;
  /** Pinned above the others. */
  isTop: boolean;
  open: boolean | null;
  activeCol: number;
  now: number;
  /** Changes when curves came. */
  sparks: number;
  /** Whether the small buttons are drawn. */
  tools: boolean;
  domId: string;
  renaming: boolean;
  onRename: (run: RunRecord, name: string | null) => void;
}

export const STAR = "t:assay.star";

/** A cell without a value keeps its text: making one anew costs more than writing another into it. */
const BLANK = "\u00a0";

const WAIT = "…";

/** Stands where a run is still being read, so that its row needs but other words when it came. */
const WAITING: RunRecord = {
  id: "",
  name: WAIT,
  experimentId: "",
  status: "",
  startTime: null,
  endTime: null,
  user: "",
  stage: "",
  parent: null,
  children: 0,
  cells: {},
};

function nameCell(props: RowProps): ReactNode {
  const { run, group, depth, open, hidden, look } = props;
  const indent = depth > 0 && <span style={{ width: depth * 18 }} className={styles.indent} />;
  const twist =
    open === null ? null : (
      <button
        type="button"
        tabIndex={-1}
        className={styles.mini}
        data-act="open"
        aria-label={open ? messages.close : messages.open}
      >
        {open ? "▾" : "▸"}
      </button>
    );
  if (group) {
    const label = group.key.map((value, i) => `${props.groupLabels?.[i] ?? ""}: ${value ?? messages.none}`);
    return (
      <>
        {indent}
        {twist}
        {look.colouring && look.colourPlace >= 0 && (
          <ColourMark paint={look.colouring.paint(group.key[look.colourPlace])} />
        )}
        <bdi className={styles.groupName}>{label.join(" · ")}</bdi>
        <span className={styles.count}>{messages.runs(group.runs)}</span>
      </>
    );
  }
  if (!run) return null;
  const starred = Boolean(run.cells[STAR]);
  const paint = run === WAITING ? undefined : look.colouring?.paint(cellOf(run, look.colouring.id, 0));
  const draws = `${hidden ? messages.draw : messages.hide}${paint ? ` (${paint.text.slice(0, 200)})` : ""}`;
  return (
    <>
      {indent}
      {twist}
      <button
        type="button"
        tabIndex={-1}
        className={styles.mini}
        data-act="hide"
        aria-pressed={hidden}
        aria-label={draws}
        title={draws}
      >
        {paint ? (
          <ColourMark paint={paint} off={hidden} />
        ) : (
          <span
            className={styles.dot}
            data-off={hidden || undefined}
            style={{ color: run === WAITING ? "transparent" : colourOf(run.id, look.dark) }}
          />
        )}
      </button>
      {props.renaming ? (
        <input
          className={styles.rename}
          aria-label={messages.rename}
          defaultValue={run.name}
          maxLength={1000}
          // biome-ignore lint/a11y/noAutofocus: the reader asked to type here
          autoFocus
          onFocus={(event) => event.currentTarget.select()}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Enter") props.onRename(run, event.currentTarget.value.trim());
            if (event.key === "Escape") props.onRename(run, null);
          }}
          onBlur={(event) => props.onRename(run, event.currentTarget.value.trim())}
        />
      ) : (
        <a className={styles.link} href={run.id && address(`runs/${run.id}`)} tabIndex={-1} data-act="link">
          <bdi>{run.name.slice(0, 300) || run.id}</bdi>
        </a>
      )}
      {run.children > 0 && <span className={styles.count}>{formatCount(run.children)}</span>}
      {(starred || props.tools) && tools(starred, look.mayWrite)}
    </>
  );
}

/** Drawn where the pointer or the active cell is, and where a star is: in every row they would cost too much. */
function tools(starred: boolean, mayWrite: boolean): ReactNode {
  return (
    <span className={styles.tools}>
      {mayWrite && (
        <button
          type="button"
          tabIndex={-1}
          className={styles.mini}
          data-act="star"
          data-on={starred || undefined}
          aria-pressed={starred}
          aria-label={messages.star}
          title={messages.star}
        >
          {starred ? "★" : "☆"}
        </button>
      )}
      {!mayWrite && starred && (
        <span className={styles.mini} data-on="" role="img" aria-label={messages.starred}>
          ★
        </span>
      )}
      <button
        type="button"
        tabIndex={-1}
        className={styles.mini}
        data-act="peek"
        aria-label={messages.peek}
        title={messages.peek}
      >
        ◨
      </button>
    </span>
  );
}

function metricCell(run: RunRecord, column: TableColumn, text: string, look: RowLook): ReactNode {
  const value = cellOf(run, column.id, 0);
  if (typeof value !== "number") return text;
  const best = isBest(value, look.ranges[column.id], markOf(column.key).direction);
  const delta = look.base && look.base.id !== run.id ? deltaText(value, cellOf(look.base, column.id, 0)) : "";
  if (!best && !delta) return text;
  return (
    <>
      {delta && <span className={styles.delta}>{delta}</span>}
      {best && (
        <span className={styles.best} role="img" aria-label={messages.best}>
          {markOf(column.key).direction === "min" ? "▼" : "▲"}
        </span>
      )}
      {text}
    </>
  );
}

/** The share of the accent behind a shaded value, at most what text on it stays readable on. */
const MOST_SHADE = 38;

function shading(run: RunRecord, column: TableColumn, look: RowLook): string | undefined {
  const mark = markOf(column.key);
  const value = run.cells[column.id];
  if (!mark.shade || typeof value !== "number") return undefined;
  const share = shareOf(value, look.ranges[column.id], mark.direction);
  return share === null
    ? undefined
    : `color-mix(in srgb, var(--accent) ${Math.round(share * MOST_SHADE)}%, var(--page))`;
}

function groupFigures(group: GroupRecord, column: TableColumn, shown: GroupFigure | undefined): ReactNode {
  const figures = group.figures[column.id];
  if (!figures || figures.mean === null) return "";
  if (shown) {
    const end = endOf(shown, column.key);
    return (
      <>
        <span className={styles.delta}>{messages.stats[end]}</span> {formatNumber(figures[end] ?? Number.NaN)}
      </>
    );
  }
  return (
    <>
      {formatNumber(figures.mean)}
      {figures.sd !== null && (
        <span className={styles.delta}>± {formatNumber(Number(figures.sd.toPrecision(3)))}</span>
      )}
    </>
  );
}

function isWaiting(run: RunRecord, column: TableColumn): boolean {
  return run === WAITING || (column.kind === "metric" && run.cells[column.id] === undefined);
}

function content(props: RowProps, column: TableColumn): ReactNode {
  const { run, group, now, look } = props;
  if (column.id === NAME) return nameCell(props);
  if (group) return column.kind === "metric" ? groupFigures(group, column, look.figure) : "";
  if (!run) return "";
  if (column.kind === "spark") {
    const path = sparkOf(run.id, column.key);
    if (!path) return BLANK;
    const colour =
      look.colouring?.paint(cellOf(run, look.colouring.id, 0)).colour ?? colourOf(run.id, look.dark);
    return (
      <svg width={SPARK_WIDTH} height={SPARK_HEIGHT} role="img" aria-label={messages.curve(column.key)}>
        <path d={path} fill={colour} stroke={colour} strokeWidth="1.2" strokeLinejoin="round" />
      </svg>
    );
  }
  const text = isWaiting(run, column) ? WAIT : cellText(run, column, now) || BLANK;
  if (column.id === "a:status")
    return (
      <span className={styles.status} data-status={run.status}>
        {text}
      </span>
    );
  if (column.kind === "metric") return metricCell(run, column, text, look);
  return text;
}

/** Cells of several parts are laid out as boxes; the others are a line of text, which costs less. */
function isRich({ look, run, group }: RowProps, column: TableColumn): boolean {
  if (column.id === NAME) return true;
  if (column.kind !== "metric") return false;
  const value = run?.cells[column.id];
  if (!run || typeof value !== "number") return group !== undefined;
  return look.base !== null || isBest(value, look.ranges[column.id], markOf(column.key).direction);
}

function RowView(read: RowProps) {
  const props = read.run || read.group ? read : { ...read, run: WAITING };
  const { look, run, group, index, selected, activeCol, domId, open, depth } = props;
  const { slice } = look;
  const cells: ReactNode[] = [];
  slice.columns.forEach((column, i) => {
    if (i === slice.pinned && slice.before > 0)
      cells.push(<span key="before" style={{ width: slice.before, flex: "none" }} />);
    if (i === slice.right) cells.push(<span key="after" style={{ flex: `1 0 ${slice.after}px` }} />);
    const place = slice.places[i] as number;
    const active = place === activeCol;
    cells.push(
      // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and names its active cell
      <div
        key={column.id}
        role="gridcell"
        id={active ? `${domId}-cell` : undefined}
        aria-colindex={place + 2}
        data-col={place}
        data-kind={column.id === NAME ? "name" : column.kind}
        data-numeric={column.numeric || undefined}
        data-pinned={column.pinned || undefined}
        data-active={active || undefined}
        className={isRich(props, column) ? `${styles.cell} ${styles.rich}` : styles.cell}
        style={{
          width: column.width,
          insetInlineStart: column.pinned === "left" ? slice.offsets[i] : undefined,
          insetInlineEnd: column.pinned === "right" ? slice.offsets[i] : undefined,
          backgroundColor: run && column.kind === "metric" ? shading(run, column, look) : undefined,
        }}
      >
        {content(props, column)}
      </div>,
    );
  });
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div
      role="row"
      data-run-row=""
      data-row={index}
      data-run={run?.id || undefined}
      data-top={props.isTop || undefined}
      data-group={group ? "" : undefined}
      aria-rowindex={index + 2}
      aria-selected={run ? selected : undefined}
      aria-expanded={open ?? undefined}
      aria-level={props.tree ? depth + 1 : undefined}
      className={styles.row}
      style={props.top === null ? undefined : { transform: `translateY(${props.top}px)` }}
    >
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus */}
      <div role="gridcell" aria-colindex={1} className={styles.check} data-pinned="" data-act="select">
        {run && (
          <input
            type="checkbox"
            tabIndex={-1}
            checked={selected}
            readOnly
            aria-label={messages.selectRun(run.name)}
            data-act="select"
          />
        )}
      </div>
      {cells}
      {slice.right === slice.columns.length && slice.after > 0 && (
        <span style={{ width: slice.after, flex: "none" }} />
      )}
    </div>
  );
}

export const Row = memo(RowView);
