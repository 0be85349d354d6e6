/** Where a link leads to a model or version that isn't there (any more): says so, and what became of it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Notice } from "@/ui/Notice";
import { AuditTable } from "./AuditTab";
import { type AuditRecord, auditQuery } from "./data";
import { messages } from "./messages";
import styles from "./Registry.module.css";

/** The record that tells what became of it. */
function end(records: AuditRecord[], version: number | undefined): AuditRecord | undefined {
  return records.findLast(
    (record) =>
      record.action === "model.deleted" ||
      record.action === "model.renamed" ||
      (record.action === "version.deleted" && record.version === version),
  );
}

export function Gone({ name, version }: { name: string; version?: string }) {
  const audit = useQuery({ ...auditQuery(name), retry: false });
  const number = version === undefined ? undefined : Number(version);
  const last = end(audit.data ?? [], number);
  return (
    <div className={styles.page}>
      <Notice
        title={version === undefined ? messages.modelGone(name) : messages.versionGone(name, version)}
        tone="warn"
      >
        <p>{last ? messages.goneBy(last) : messages.goneHint}</p>
        <div className={styles.row}>
          {version !== undefined && (
            <Link to="/models/$name" params={{ name }}>
              {messages.toModel}
            </Link>
          )}
          <Link to="/models">{messages.toModels}</Link>
        </div>
      </Notice>
      {last && <AuditTable records={[...(audit.data ?? [])].reverse()} />}
    </div>
  );
}
