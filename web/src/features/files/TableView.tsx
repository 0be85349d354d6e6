/** A table in a file: windowed, sorted and filtered by the server. */
import { ArrowDown, ArrowUp, X } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { IconButton } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { formatCount, formatNumber } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { messages } from "./messages";
import { type Place, rawUrl, type TablePage } from "./place";
import { visible } from "./spans";
import { type Filtering, nextSort, type Sorting, useTable } from "./useTable";
import { useWindow } from "./useWindow";
import styles from "./views.module.css";

const ROW = 26;
const PICTURE_ROW = 84;
const MAX_CELL = 400;
const MAX_COLUMNS = 200;
const TYPING_MS = 250;
const NUMBERS = new Set(["integer", "number"]);

export default function TableView({ place, path }: { place: Place; path: string }) {
  const [sort, setSort] = useState<Sorting | null>(null);
  const [filter, setFilter] = useState<Filtering | null>(null);
  const [count, setCount] = useState(0);
  const [pictures, setPictures] = useState(false);
  const row = pictures ? PICTURE_ROW : ROW;
  const view = useWindow(count, row);
  const { head, total, rowAt } = useTable(place, path, { sort, filter, first: view.first, end: view.end });
  const columns = head.data?.columns.slice(0, MAX_COLUMNS) ?? [];
  const holdsPictures = columns.some((column) => column.type === "image");
  useEffect(() => setCount(total), [total]);
  useEffect(() => setPictures(holdsPictures), [holdsPictures]);

  if (head.isError) return <ErrorNotice error={head.error} retry={() => head.refetch()} />;
  if (!head.data) return <Skeleton height={300} />;
  const rows = [];
  for (let i = view.first; i < Math.min(view.end, total); i++) rows.push(i);
  return (
    <div className={styles.fill}>
      <div className={styles.tools}>
        <FilterFields columns={head.data.columns} onFilter={setFilter} />
        <span className={styles.quiet} role="status">
          {messages.rows(total)} · {messages.columns(head.data.columns.length)}
          {head.data.truncated && ` · ${messages.tableCut}`}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div ref={view.box} className={styles.table} tabIndex={0} role="region" aria-label={path}>
        <table
          aria-rowcount={total + 1}
          aria-colcount={columns.length + 1}
          data-old={head.isPlaceholderData || undefined}
        >
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col" className={styles.rowNumber}>
                <span className="visually-hidden">{messages.rowNumber}</span>
              </th>
              {columns.map((column) => (
                <Head key={column.name} column={column} sort={sort} onSort={setSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            <tr style={{ height: view.top }} />
            {rows.map((index) => (
              <tr key={index} aria-rowindex={index + 2} style={{ height: row }}>
                <td className={styles.rowNumber}>{formatCount(index + 1)}</td>
                {columns.map((column, at) => (
                  <Cell key={column.name} type={column.type} value={rowAt(index)?.[at]} place={place} />
                ))}
              </tr>
            ))}
            <tr style={{ height: Math.max(0, view.height - view.top - rows.length * row) }} />
          </tbody>
        </table>
        {total === 0 && <Notice title={messages.noRows} />}
      </div>
    </div>
  );
}

function Head({
  column,
  sort,
  onSort,
}: {
  column: TablePage["columns"][number];
  sort: Sorting | null;
  onSort: (sort: Sorting | null) => void;
}) {
  const own = sort?.column === column.name ? sort : null;
  const name = visible(column.name).slice(0, 200);
  return (
    <th
      scope="col"
      aria-sort={own ? (own.descending ? "descending" : "ascending") : undefined}
      data-number={NUMBERS.has(column.type) || undefined}
    >
      <button
        type="button"
        title={`${name} · ${column.type}`}
        aria-label={messages.sortBy(name)}
        onClick={() => onSort(nextSort(sort, column.name))}
      >
        <bdi>{name}</bdi>
        {own && (own.descending ? <ArrowDown size={12} /> : <ArrowUp size={12} />)}
      </button>
    </th>
  );
}

function Cell({ value, type, place }: { value: unknown; type: string; place: Place }) {
  if (value === undefined) return <td className={styles.waiting} />;
  if (value === null) return <td className={styles.null}>∅</td>;
  if (type === "image") return <PictureCell value={value} place={place} />;
  if (typeof value === "number" || NUMBERS.has(type)) {
    return (
      <td data-number title={String(value)}>
        {typeof value === "number" || value === "NaN" || String(value).endsWith("Infinity")
          ? formatNumber(value as number | string)
          : visible(String(value)).slice(0, MAX_CELL)}
      </td>
    );
  }
  const text = visible(typeof value === "string" ? value : JSON.stringify(value));
  return (
    <td title={text.length > 40 ? text.slice(0, 2_000) : undefined}>
      <bdi>{text.length > MAX_CELL ? `${text.slice(0, MAX_CELL)}…` : text}</bdi>
    </td>
  );
}

/** `log_table` keeps pictures as files beside the table and their paths in its cells. */
function PictureCell({ value, place }: { value: unknown; place: Place }) {
  const cell = value as { filepath?: unknown; compressed_filepath?: unknown };
  const path = typeof cell.compressed_filepath === "string" ? cell.compressed_filepath : cell.filepath;
  if (typeof path !== "string") return <td>{visible(JSON.stringify(value)).slice(0, MAX_CELL)}</td>;
  return (
    <td>
      <img className={styles.cellPicture} loading="lazy" alt={path} src={rawUrl(place, path)} />
    </td>
  );
}

function numberOf(text: string): number | null {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

function FilterFields({
  columns,
  onFilter,
}: {
  columns: TablePage["columns"];
  onFilter: (filter: Filtering | null) => void;
}) {
  const [column, setColumn] = useState("");
  const [contains, setContains] = useState("");
  const [min, setMin] = useState("");
  const [max, setMax] = useState("");
  const chosen = columns.find((one) => one.name === column) ?? columns[0];
  const isNumber = chosen !== undefined && NUMBERS.has(chosen.type);
  const name = chosen?.name ?? "";
  const filter = useMemo<Filtering | null>(() => {
    const low = isNumber ? numberOf(min) : null;
    const high = isNumber ? numberOf(max) : null;
    const text = isNumber ? "" : contains;
    if (!text && low === null && high === null) return null;
    return { column: name, contains: text, min: low, max: high };
  }, [name, isNumber, contains, min, max]);
  useEffect(() => {
    const timer = window.setTimeout(() => onFilter(filter), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [filter, onFilter]);
  return (
    <fieldset className={styles.filter}>
      <legend className="visually-hidden">{messages.filter}</legend>
      <SelectField
        label={messages.filterColumn}
        hideLabel
        value={name}
        onChange={(event) => setColumn(event.target.value)}
      >
        {columns.map((one) => (
          <option key={one.name} value={one.name}>
            {visible(one.name).slice(0, 60)}
          </option>
        ))}
      </SelectField>
      {isNumber ? (
        <>
          <TextField
            label={messages.filterMin}
            hideLabel
            placeholder={messages.filterMin}
            inputMode="decimal"
            value={min}
            onChange={(event) => setMin(event.target.value)}
          />
          <TextField
            label={messages.filterMax}
            hideLabel
            placeholder={messages.filterMax}
            inputMode="decimal"
            value={max}
            onChange={(event) => setMax(event.target.value)}
          />
        </>
      ) : (
        <TextField
          label={messages.filterText}
          hideLabel
          placeholder={messages.filterText}
          type="search"
          value={contains}
          onChange={(event) => setContains(event.target.value)}
        />
      )}
      {filter && (
        <IconButton
          label={messages.filterClear}
          onClick={() => {
            setContains("");
            setMin("");
            setMax("");
          }}
        >
          <X size={14} />
        </IconButton>
      )}
    </fieldset>
  );
}
