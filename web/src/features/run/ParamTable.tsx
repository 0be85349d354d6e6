/** The run's params; what differs from the run it is compared with is said beside. */
import { useState } from "react";
import { visible } from "@/features/files/spans";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { Chip } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { formatCount } from "@/ui/format";
import { byName, type Run } from "./data";
import { messages } from "./messages";
import type { Other } from "./Overview";
import styles from "./run.module.css";

const SHOWN = 20;
const MAX_VALUE = 500;

export function ParamTable({ run, other }: { run: Run; other: Other | null }) {
  const [filter, setFilter] = useState("");
  const [all, setAll] = useState(false);
  const keys = Object.keys(run.data.params).sort(byName);
  const wanted = filter.toLowerCase();
  const matching = keys.filter((key) => `${key} ${run.data.params[key]}`.toLowerCase().includes(wanted));
  const shown = all || wanted ? matching.slice(0, 2_000) : matching.slice(0, SHOWN);
  return (
    <section className={styles.section} aria-labelledby="run-params">
      <div className={styles.sectionHead}>
        <h2 id="run-params">{messages.params}</h2>
        <span className={styles.quiet}>{formatCount(keys.length)}</span>
        {keys.length > SHOWN && (
          <TextField
            label={messages.filterParams}
            hideLabel
            type="search"
            placeholder={messages.filterParams}
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        )}
        <span className={styles.spacer} />
        {keys.length > 0 && (
          <CopyButton label={messages.copyJson} text={() => JSON.stringify(run.data.params, null, 2)} />
        )}
      </div>
      {keys.length === 0 ? (
        <p className={styles.quiet}>{messages.noParams}</p>
      ) : (
        <table className={styles.table} data-text>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">{messages.param}</th>
              <th scope="col">{messages.value}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((key) => (
              <tr key={key}>
                <th scope="row">
                  <bdi title={visible(key).slice(0, 1_000)}>{visible(key).slice(0, 200)}</bdi>
                </th>
                <td>
                  <Value text={run.data.params[key] ?? ""} />{" "}
                  {other && <Difference value={run.data.params[key]} before={other.run.data.params[key]} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {matching.length > SHOWN && !wanted && (
        <Button kind="quiet" onClick={() => setAll(!all)}>
          {all ? messages.showFewer : messages.showAll(matching.length)}
        </Button>
      )}
    </section>
  );
}

/** A value of any length: long ones unfold. */
export function Value({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const shown = visible(text);
  if (shown.length <= MAX_VALUE) return <bdi className={styles.value}>{shown}</bdi>;
  return (
    <>
      <bdi className={styles.value}>{whole ? shown : `${shown.slice(0, MAX_VALUE)}…`}</bdi>{" "}
      <Button kind="quiet" onClick={() => setWhole(!whole)}>
        {whole ? messages.showFewer : messages.showAll(shown.length)}
      </Button>
    </>
  );
}

/** `1e-3` and `0.001` are the same number. */
export function sameValue(one: string | undefined, other: string | undefined): boolean {
  if (one === other) return true;
  if (!one?.trim() || !other?.trim()) return false;
  const value = Number(one);
  return Number.isFinite(value) && value === Number(other);
}

function Difference({ value, before }: { value: string | undefined; before: string | undefined }) {
  if (sameValue(value, before)) return null;
  return (
    <Chip tone="accent">
      {before === undefined ? messages.notInBaseline : messages.inBaseline(visible(before).slice(0, 60))}
    </Chip>
  );
}
