/** What happened to a model, the latest first: filtered, exported, verified. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Download, ShieldCheck } from "lucide-react";
import { useMemo, useState } from "react";
import { act } from "@/app/me";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { Time } from "@/ui/Facts";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { type AuditRecord, auditQuery } from "./data";
import { messages } from "./messages";
import { Person, stageName } from "./parts";
import styles from "./Registry.module.css";

const FIRST = 100;
const COLUMNS = [
  "seq",
  "time",
  "actor",
  "verified",
  "origin",
  "action",
  "name",
  "version",
  "reason",
] as const;

const versionsText = (versions: number[]): string => (versions.length ? versions.join(", ") : "–");

/** Old → new of each place that changed; of other changes, what was set. */
export function changeText(record: AuditRecord): string {
  const { moves, ...rest } = record.details;
  if (moves?.length) {
    return moves
      .map((move) => `${stageName(move.target)}: ${versionsText(move.from)} → ${versionsText(move.to)}`)
      .join("; ");
  }
  return Object.entries(rest)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value) && value !== "")
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join("; ");
}

/** A cell of CSV; one that a spreadsheet would compute gets a quote in front. */
function cell(value: unknown): string {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
  const tame = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return `"${tame.replaceAll('"', '""')}"`;
}

export function toCsv(records: AuditRecord[]): string {
  const head = [...COLUMNS, "details", "digest"].join(",");
  const rows = records.map((record) =>
    [...COLUMNS.map((column) => record[column]), record.details, record.digest].map(cell).join(","),
  );
  return `${[head, ...rows].join("\r\n")}\r\n`;
}

function save(text: string, type: string, file: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = file;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function Verify() {
  const verify = useMutation({ mutationFn: () => act("/api/assay/v1/registry/audit/verify", {}) });
  const report = verify.data;
  const head = report && `${report.head.seq}:${report.head.digest}`;
  return (
    <>
      <Button onClick={() => verify.mutate()} disabled={verify.isPending}>
        <ShieldCheck size={14} aria-hidden="true" />
        {messages.verify}
      </Button>
      <div role="status" className={styles.row}>
        {report && !report.problem && head && (
          <>
            <span className={styles.mark} data-tone="good">
              {messages.whole(report.records)}
            </span>
            <code className={styles.break}>{head.slice(0, 24)}…</code>
            <CopyButton text={head} label={messages.copyHead} />
          </>
        )}
        {report?.problem && (
          <span className={styles.mark} data-tone="bad">
            {messages.notWhole(report.problem.seq, report.problem.why)}
          </span>
        )}
        {verify.error !== null && <ErrorNotice error={verify.error} />}
      </div>
    </>
  );
}

function Row({ record }: { record: AuditRecord }) {
  return (
    <tr>
      <td className={styles.number}>{record.seq}</td>
      <td className={styles.nowrap}>
        <Time ms={record.time} />
      </td>
      <td className={styles.nowrap}>
        <Person name={record.actor} verified={record.verified} />
        <div className={`${styles.quiet} ${styles.small}`} title={record.origin}>
          {messages.origin(record.origin)}
        </div>
      </td>
      <td className={styles.nowrap}>{messages.actions[record.action] ?? record.action}</td>
      <td>
        {record.version !== null && (
          <Link to="/models/$name/$version" params={{ name: record.name, version: String(record.version) }}>
            {record.version}
          </Link>
        )}
      </td>
      <td className={styles.break}>
        <details>
          <summary>
            <bdi>{changeText(record).slice(0, 200) || messages.details}</bdi>
          </summary>
          <pre className={styles.pre}>{JSON.stringify(record.details, null, 1)}</pre>
          <code className={`${styles.quiet} ${styles.small} ${styles.break}`}>{record.digest}</code>
        </details>
      </td>
      <td className={styles.break}>
        <bdi>{record.reason}</bdi>
      </td>
    </tr>
  );
}

export function AuditTable({ records }: { records: AuditRecord[] }) {
  const [shown, setShown] = useState(FIRST);
  return (
    <>
      <section className={styles.scroll} aria-label={messages.history}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th className={styles.number}>#</th>
              <th>{messages.when}</th>
              <th>{messages.who}</th>
              <th>{messages.what}</th>
              <th>{messages.version}</th>
              <th>{messages.change}</th>
              <th>{messages.reason}</th>
            </tr>
          </thead>
          <tbody>
            {records.slice(0, shown).map((record) => (
              <Row key={record.seq} record={record} />
            ))}
          </tbody>
        </table>
      </section>
      {records.length > shown && (
        <div>
          <Button onClick={() => setShown(shown + 500)}>
            {messages.moreRecords(records.length - shown)}
          </Button>
        </div>
      )}
    </>
  );
}

export function AuditTab({ name, version }: { name: string; version?: number }) {
  const audit = useQuery(auditQuery(name));
  const [text, setText] = useState("");
  const [action, setAction] = useState("");
  const all = useMemo(
    () => (audit.data ?? []).filter((one) => version === undefined || one.version === version).reverse(),
    [audit.data, version],
  );
  const actions = useMemo(() => [...new Set(all.map((record) => record.action))].sort(), [all]);
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return all.filter(
      (record) =>
        (!action || record.action === action) &&
        (!wanted || JSON.stringify(record).toLowerCase().includes(wanted)),
    );
  }, [all, text, action]);
  if (audit.isPending) return <Skeleton height={240} />;
  if (audit.isError) return <ErrorNotice error={audit.error} retry={() => audit.refetch()} />;
  const file = `audit-${name.replace(/[^\w.-]+/g, "_").slice(0, 60)}`;
  return (
    <div className={styles.stack}>
      <div className={styles.bar}>
        <TextField
          label={messages.filter}
          type="search"
          placeholder={messages.filterHint}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <SelectField label={messages.what} value={action} onChange={(event) => setAction(event.target.value)}>
          <option value="">{messages.everything}</option>
          {actions.map((one) => (
            <option key={one} value={one}>
              {messages.actions[one] ?? one}
            </option>
          ))}
        </SelectField>
        <Button onClick={() => save(JSON.stringify(found, null, 1), "application/json", `${file}.json`)}>
          <Download size={14} aria-hidden="true" /> JSON
        </Button>
        <Button onClick={() => save(toCsv(found), "text/csv", `${file}.csv`)}>
          <Download size={14} aria-hidden="true" /> CSV
        </Button>
        <Verify />
      </div>
      <p className={styles.quiet} aria-live="polite">
        {messages.recordCount(found.length, all.length)}
      </p>
      {found.length === 0 ? <Notice title={messages.noneFound} /> : <AuditTable records={found} />}
    </div>
  );
}
