/** What differs between runs: a table of facts over runs, and the same in sentences about one of them. */
import { Fragment, useMemo, useState } from "react";
import { KEPT_STATS } from "@/features/experiment/columns";
import { Button } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Check } from "./Choices";
import type { ViewProps } from "./Compare";
import styles from "./Compare.module.css";
import { DiffTable, FlippedTable } from "./DiffTable";
import { type Fact, factName, SECTIONS } from "./differences";
import { useFacts } from "./facts";
import { messages } from "./messages";
import { SentenceList } from "./SentenceList";
import { useCompareState } from "./state";

const PAGE = 20;
const MAX_ROWS = 500;

export function DiffView({ runs }: ViewProps) {
  const { experimentIds, compare, setCompare } = useCompareState();
  const [typed, setTyped] = useState("");
  const stat = KEPT_STATS.find((one) => one === compare.stat) ?? "last";
  const rest = runs.slice(1);
  const from = Math.min(compare.from ?? 0, Math.max(0, rest.length - 1));
  const shown = useMemo(
    () => [...runs.slice(0, 1), ...runs.slice(1).slice(from, from + PAGE - 1)],
    [runs, from],
  );
  const { facts, keys, cells, packages } = useFacts(experimentIds, runs, shown, {
    stat,
    all: Boolean(compare.all),
  });
  const isPaged = rest.length > PAGE - 1;
  const { rows, equal } = useMemo(() => {
    const wanted = typed.trim().toLowerCase();
    const named = (facts ?? []).filter((fact) =>
      `${fact.key}\n${factName(fact)}`.toLowerCase().includes(wanted),
    );
    // On one page of several, what is equal here may differ there: params and metrics were asked for by that.
    const stays = (fact: Fact) =>
      compare.all || fact.differs || (isPaged && (fact.section === "params" || fact.section === "metrics"));
    const found = named.filter(stays);
    const sorted = SECTIONS.flatMap((section) => found.filter((fact) => fact.section === section));
    return { rows: sorted, equal: named.length - found.length };
  }, [facts, typed, compare.all, isPaged]);

  const failed = keys.error ?? cells.error;
  if (failed && !facts) return <ErrorNotice error={failed} retry={() => keys.refetch()} />;
  const Table = compare.flip ? FlippedTable : DiffTable;
  return (
    <>
      {facts && runs.length > 1 && <SentenceList facts={facts} runs={shown} />}
      <div className={styles.bar}>
        <Check
          label={messages.onlyDifferent}
          checked={!compare.all}
          onChange={(on) => setCompare({ all: on ? undefined : true })}
        />
        <Check
          label={messages.flip}
          checked={Boolean(compare.flip)}
          onChange={(on) => setCompare({ flip: on || undefined })}
        />
        <SelectField
          label={messages.stat}
          value={stat}
          onChange={(event) =>
            setCompare({ stat: event.target.value === "last" ? undefined : event.target.value })
          }
        >
          {KEPT_STATS.map((one) => (
            <option key={one} value={one}>
              {messages.stats[one]}
            </option>
          ))}
        </SelectField>
        <TextField
          label={messages.search}
          type="search"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {isPaged && (
          <span className={styles.bar}>
            <Button
              disabled={from === 0}
              onClick={() => setCompare({ from: Math.max(0, from - PAGE + 1) || undefined })}
            >
              {messages.before}
            </Button>
            <Button
              disabled={from + PAGE - 1 >= rest.length}
              onClick={() => setCompare({ from: from + PAGE - 1 })}
            >
              {messages.after}
            </Button>
            <span className={styles.note}>
              {messages.page(from + 2, Math.min(runs.length, from + PAGE), runs.length)}
            </span>
          </span>
        )}
      </div>
      {runs.length === 1 && (
        <Notice title={messages.one}>
          <p>{messages.oneHint}</p>
        </Notice>
      )}
      <Packages packages={packages} />
      {!facts ? (
        <Skeleton height={300} />
      ) : rows.length ? (
        <>
          <Table facts={rows.slice(0, MAX_ROWS)} runs={shown} />
          {rows.length > MAX_ROWS && <p className={styles.note}>{messages.rowsCut(MAX_ROWS)}</p>}
        </>
      ) : (
        runs.length > 1 && <Notice title={typed ? messages.noneFound : messages.allEqual} />
      )}
      {facts && equal > 0 && <p className={styles.note}>{messages.equalHidden(equal)}</p>}
    </>
  );
}

/** What could not be compared is said, so that nobody takes it for equal. */
function Packages({ packages }: { packages: ReturnType<typeof useFacts>["packages"] }) {
  if (packages.waiting) return null;
  const notes = [
    packages.failed ? messages.packagesFailed(packages.failed) : "",
    packages.lacking ? messages.packagesNone(packages.lacking) : "",
  ].filter(Boolean);
  if (!notes.length) return null;
  return (
    <p className={styles.note}>
      {notes.map((note) => (
        <Fragment key={note}>{note} </Fragment>
      ))}
    </p>
  );
}
