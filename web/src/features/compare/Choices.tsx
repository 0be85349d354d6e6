/** Controls that the views share: choosing a column, switches, and what is said under a chart. */
import { Link } from "@tanstack/react-router";
import { type ReactNode, useId } from "react";
import type { Scale } from "@/charts/scatterScale";
import { columnId } from "@/features/experiment/columns";
import type { Keys } from "@/features/experiment/data";
import { join } from "@/ui/Button";
import controls from "@/ui/controls.module.css";
import { SelectField } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import styles from "./Compare.module.css";
import { columnName, type Frame } from "./frame";
import { messages } from "./messages";
import type { Cell } from "./values";

const ATTRIBUTES = ["start_time", "duration", "status", "user_id"];
const MAX_OPTIONS = 2_000;
const TABLE_ROWS = 100;

export interface ColumnOptions {
  metrics: string[];
  params: string[];
  attributes: string[];
}

/** Ids of the columns there are, those that vary first. */
export function columnOptions(keys: Keys | undefined): ColumnOptions {
  const ids = (kind: "metric" | "param", facets: Keys["params"]) =>
    [...facets.filter((one) => one.varies), ...facets.filter((one) => !one.varies)]
      .slice(0, MAX_OPTIONS)
      .map((one) => columnId({ kind, key: one.key, stat: "last" }));
  return {
    metrics: ids("metric", keys?.metrics ?? []),
    params: ids("param", keys?.params ?? []),
    attributes: ATTRIBUTES.map((key) => columnId({ kind: "attribute", key, stat: "last" })),
  };
}

export function ColumnSelect({
  label,
  value,
  options,
  onChange,
  kinds = ["metrics", "params", "attributes"],
  optional = false,
  not = [],
}: {
  label: string;
  value: string | undefined;
  options: ColumnOptions;
  onChange: (id: string | undefined) => void;
  kinds?: (keyof ColumnOptions)[];
  optional?: boolean;
  not?: readonly string[];
}) {
  const known = kinds.some((kind) => value && options[kind].includes(value));
  return (
    <SelectField
      label={label}
      className={styles.select}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      {(optional || !value) && (
        <option value="">{optional ? messages.noColumn : messages.chooseColumn}</option>
      )}
      {value && !known && <option value={value}>{columnName(value)}</option>}
      {kinds.map((kind) => (
        <optgroup key={kind} label={messages[kind]}>
          {options[kind]
            .filter((id) => !not.includes(id))
            .map((id) => (
              <option key={id} value={id}>
                {columnName(id)}
              </option>
            ))}
        </optgroup>
      ))}
    </SelectField>
  );
}

/** The two axes of a chart. */
export function AxisSelects({
  x,
  y,
  options,
  onChange,
}: {
  x: string | undefined;
  y: string | undefined;
  options: ColumnOptions;
  onChange: (change: { x?: string } | { y?: string }) => void;
}) {
  return (
    <>
      <ColumnSelect label={messages.x} value={x} options={options} onChange={(id) => onChange({ x: id })} />
      <ColumnSelect label={messages.y} value={y} options={options} onChange={(id) => onChange({ y: id })} />
    </>
  );
}

/** Whether each axis is logarithmic, where its values allow it. */
export function LogChecks({
  x,
  y,
  scales,
  onChange,
}: {
  x: string | undefined;
  y: string | undefined;
  scales: { x: Scale; y: Scale } | undefined;
  onChange: (id: string, log: boolean) => void;
}) {
  return (
    <>
      {x && (
        <Check
          label={messages.logX}
          checked={Boolean(scales?.x.log)}
          disabled={!scales?.x.canLog}
          onChange={(on) => onChange(x, on)}
        />
      )}
      {y && (
        <Check
          label={messages.logY}
          checked={Boolean(scales?.y.log)}
          disabled={!scales?.y.canLog}
          onChange={(on) => onChange(y, on)}
        />
      )}
    </>
  );
}

export function Check({
  label,
  checked,
  onChange,
  disabled,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <span className={styles.check}>
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
    </span>
  );
}

/** A few exclusive choices beside each other. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className={styles.segments}>
      <legend>{label}</legend>
      {options.map(([one, text]) => (
        <button
          key={one}
          type="button"
          className={join(controls.button)}
          aria-pressed={one === value}
          onClick={() => onChange(one)}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}

export function cellText(cell: Cell): string {
  return cell === null ? "" : typeof cell === "number" ? formatNumber(cell) : cell;
}

/** A name of any length and script, kept on one line and from touching what stands beside it. */
export function Name({ text, title = text }: { text: string; title?: string }) {
  return (
    <bdi className={styles.name} title={title.slice(0, 1_000)}>
      {text.slice(0, 300)}
    </bdi>
  );
}

export function RunLink({ id, name }: { id: string; name: string }) {
  return (
    <Link to="/runs/$runId" params={{ runId: id }} className={styles.name} title={name.slice(0, 1_000)}>
      <bdi>{name.slice(0, 300)}</bdi>
    </Link>
  );
}

/** The chart's values for who can't see it, and for who wants them exactly. */
export function FrameTable({
  frame,
  columns,
  rows,
  open,
}: {
  frame: Frame;
  columns: readonly string[];
  /** Which runs, in this order; all if left out. */
  rows?: readonly number[];
  open?: boolean;
}) {
  const all = rows ?? frame.ids.map((_, i) => i);
  const shown = all.slice(0, TABLE_ROWS);
  return (
    <Folded title={messages.asTable} open={open}>
      {all.length > shown.length && <p>{messages.tableCut(shown.length, all.length)}</p>}
      <Scroll label={messages.asTable}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{messages.run}</th>
              {columns.map((id) => (
                <th key={id} scope="col">
                  <Name text={columnName(id)} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((i) => (
              <tr key={frame.ids[i]}>
                <th scope="row">
                  <RunLink id={frame.ids[i] ?? ""} name={frame.names[i] ?? ""} />
                </th>
                {columns.map((id) => {
                  const cell = frame.cells.get(id)?.[i] ?? null;
                  return (
                    <td key={id} title={cell === null ? undefined : String(cell).slice(0, 1_000)}>
                      <bdi>{cellText(cell).slice(0, 300)}</bdi>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Folded>
  );
}

export function Folded({ title, open, children }: { title: string; open?: boolean; children: ReactNode }) {
  return (
    <details className={styles.folded} open={open}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

/** A box that scrolls by keyboard too. */
export function Scroll({ label, children, tall }: { label: string; children: ReactNode; tall?: boolean }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className={styles.scroll} aria-label={label} tabIndex={0} data-tall={tall || undefined}>
      {children}
    </section>
  );
}
