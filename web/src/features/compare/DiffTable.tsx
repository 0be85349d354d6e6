/** The table of differences, facts over runs or runs over facts. What differs is coloured and marked. */
import { Status } from "@/ui/Facts";
import { formatNumber } from "@/ui/format";
import { Name, RunLink, Scroll } from "./Choices";
import styles from "./Compare.module.css";
import { delta, type Fact, factName, SECTIONS, valueText } from "./differences";
import type { ComparedRun } from "./frame";
import { messages } from "./messages";
import { sameValue } from "./values";

interface TableProps {
  facts: readonly Fact[];
  runs: readonly ComparedRun[];
}

const MAX_TEXT = 400;
const MAX_TITLE = 2_000;

function Value({ fact, at }: { fact: Fact; at: number }) {
  const value = fact.values[at] ?? null;
  const base = fact.values[0] ?? null;
  const isBase = at === 0;
  const changed = !isBase && !sameValue(value, base);
  const by = changed && fact.section === "metrics" ? delta(value, base) : null;
  return (
    <td
      data-base={isBase || undefined}
      data-changed={changed || undefined}
      title={value === null ? undefined : String(value).slice(0, MAX_TITLE)}
    >
      {changed && (
        <span className={styles.mark} title={messages.differs}>
          <span aria-hidden="true">≠</span>
          <span className="visually-hidden">{messages.differs}: </span>
        </span>
      )}
      {value === null ? (
        <span className={styles.missing}>{messages.none}</span>
      ) : fact.section === "run" && fact.key === "status" ? (
        <Status status={String(value)} />
      ) : (
        <bdi>{valueText(fact, value).slice(0, MAX_TEXT)}</bdi>
      )}
      {by !== null && (
        <span className={styles.note}>
          {" "}
          ({by > 0 ? "+" : "−"}
          {formatNumber(Math.abs(by))})
        </span>
      )}
    </td>
  );
}

function RunHead({ run, scope }: { run: ComparedRun; scope: "col" | "row" }) {
  return (
    <th scope={scope} data-base={run.isBaseline || undefined}>
      <RunLink id={run.id} name={run.name} />
      {run.isBaseline && <span className={styles.note}> ({messages.baselineMark})</span>}
    </th>
  );
}

export function DiffTable({ facts, runs }: TableProps) {
  return (
    <Scroll label={messages.views.diff} tall>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{messages.key}</th>
            {runs.map((run) => (
              <RunHead key={run.id} run={run} scope="col" />
            ))}
          </tr>
        </thead>
        {SECTIONS.map((section) => {
          const some = facts.filter((fact) => fact.section === section);
          if (!some.length) return null;
          return (
            <tbody key={section}>
              <tr data-section={section}>
                <th scope="rowgroup" colSpan={runs.length + 1}>
                  {messages.sections[section]}
                </th>
              </tr>
              {some.map((fact) => (
                <tr key={fact.key}>
                  <th scope="row">
                    <Name text={factName(fact)} />
                  </th>
                  {runs.map((run, at) => (
                    <Value key={run.id} fact={fact} at={at} />
                  ))}
                </tr>
              ))}
            </tbody>
          );
        })}
      </table>
    </Scroll>
  );
}

export function FlippedTable({ facts, runs }: TableProps) {
  return (
    <Scroll label={messages.views.diff} tall>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{messages.run}</th>
            {facts.map((fact) => (
              <th key={`${fact.section}:${fact.key}`} scope="col">
                <Name text={factName(fact)} title={`${messages.sections[fact.section]}: ${factName(fact)}`} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run, at) => (
            <tr key={run.id}>
              <RunHead run={run} scope="row" />
              {facts.map((fact) => (
                <Value key={`${fact.section}:${fact.key}`} fact={fact} at={at} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
