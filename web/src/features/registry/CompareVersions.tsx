/** Two versions side by side: metrics, params, schema with what breaks callers, environment, files. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { SelectField } from "@/ui/Field";
import { Notice, Skeleton } from "@/ui/Notice";
import { headerQuery, type Place, textQuery, type Version, versionQuery, versionsQuery } from "./data";
import { MetricsDiff, useFigures } from "./MetricsDiff";
import { useEnvironment, useFolder } from "./ModelFiles";
import { messages } from "./messages";
import { Section, stageName } from "./parts";
import styles from "./Registry.module.css";
import { holderAmong, STAGES } from "./rules";
import { type Field, signatureChanges, signatureOf } from "./signature";

type Row = readonly [name: string, before: string | undefined, after: string | undefined];

/** Rows of two maps; numbers that are written differently are the same (`1e-3`, `0.001`). */
export function rowsOf(before: Map<string, string>, after: Map<string, string>, onlyChanged: boolean): Row[] {
  const same = (a: string | undefined, b: string | undefined) =>
    a === b || (Boolean(a?.trim()) && Boolean(b?.trim()) && Number(a) === Number(b));
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((name): Row => [name, before.get(name), after.get(name)])
    .filter(([, a, b]) => !onlyChanged || !same(a, b));
}

function DiffTable({
  label,
  rows,
  older,
  newer,
}: {
  label: string;
  rows: Row[];
  older: string;
  newer: string;
}) {
  if (rows.length === 0) return <p className={styles.quiet}>{messages.noDifference}</p>;
  return (
    <section className={styles.scroll} aria-label={label}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{messages.name}</th>
            <th>{messages.versionOf(older)}</th>
            <th>{messages.versionOf(newer)}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, before, after]) => (
            <tr key={name}>
              <td className={styles.break}>
                <bdi>{name}</bdi>
              </td>
              {[before, after].map((value, side) => (
                <td key={side === 0 ? "before" : "after"} className={styles.break}>
                  {value === undefined ? (
                    <span className={styles.quiet}>{messages.missing}</span>
                  ) : (
                    <bdi title={value.slice(0, 1_000)}>{value.slice(0, 300)}</bdi>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const fieldText = (field: Field | null): string =>
  field === null
    ? messages.missing
    : `${field.type}${field.required ? "" : ` (${messages.optional})`}${
        field.default === undefined ? "" : ` (${messages.byDefault(field.default)})`
      }`;

function SchemaDiff({ older, newer }: { older: Side; newer: Side }) {
  const a = useQuery(headerQuery(older.place));
  const b = useQuery(headerQuery(newer.place));
  if (a.isPending || b.isPending) return <Skeleton height={60} />;
  const changes = signatureChanges(signatureOf(a.data?.facts), signatureOf(b.data?.facts));
  if (changes.length === 0) return <p className={styles.quiet}>{messages.noDifference}</p>;
  const breaking = changes.filter((one) => one.breaking).length;
  return (
    <>
      {breaking > 0 ? (
        <Notice title={messages.breaking(breaking)} tone="bad" />
      ) : (
        <p>{messages.notBreaking}</p>
      )}
      <section className={styles.scroll} aria-label={messages.signature}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>{messages.field}</th>
              <th>{messages.versionOf(older.number)}</th>
              <th>{messages.versionOf(newer.number)}</th>
              <th>{messages.effect}</th>
            </tr>
          </thead>
          <tbody>
            {changes.map((one) => (
              <tr
                key={`${one.part} ${one.name}`}
                className={one.breaking ? styles.breaking : undefined}
                data-breaking={one.breaking ? "yes" : undefined}
              >
                <td className={styles.break}>
                  <span className={styles.quiet}>{messages.parts[one.part]}</span> <bdi>{one.name}</bdi>
                </td>
                <td className={styles.break}>{fieldText(one.before)}</td>
                <td className={styles.break}>{fieldText(one.after)}</td>
                <td>
                  {one.breaking ? (
                    <span className={styles.mark} data-tone="bad">
                      {messages.breaksCallers}
                    </span>
                  ) : (
                    messages.harmless
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** The digests that a model's folder lists of its files; where it lists none, their sizes. */
function useDigests(place: Place): Map<string, string> {
  const folder = useFolder(place);
  const file = useQuery(textQuery(place, "digests.json", folder.has("digests.json")));
  try {
    const { files } = JSON.parse(file.data ?? "") as { files?: Record<string, unknown> };
    if (files) return new Map(Object.entries(files).map(([path, digest]) => [path, String(digest)]));
  } catch {
    // No digests, or none that can be read: sizes tell at least something.
  }
  return new Map(
    (folder.data?.entries ?? []).map((entry) => [
      entry.path,
      entry.is_dir ? messages.folder : messages.bytes(entry.size ?? 0),
    ]),
  );
}

interface Side {
  number: string;
  place: Place;
  version: Version | undefined;
}

function Comparison({ older, newer, onlyChanged }: { older: Side; newer: Side; onlyChanged: boolean }) {
  const [a, b] = [useFigures(older.version), useFigures(newer.version)];
  const [before, after] = [useEnvironment(older.place), useEnvironment(newer.place)];
  const [files, filesNow] = [useDigests(older.place), useDigests(newer.place)];
  const name = newer.version?.name ?? "";
  const environment = ({ python, pins }: typeof before) =>
    new Map([...(python ? [["Python", python] as const] : []), ...pins]);
  const sides = { older: older.number, newer: newer.number };
  return (
    <div className={styles.stack}>
      <Section title={messages.metrics}>
        {name && (
          <MetricsDiff name={name} version={newer.number} other={older.number} onlyChanged={onlyChanged} />
        )}
      </Section>
      <Section title={messages.signature}>
        <SchemaDiff older={older} newer={newer} />
      </Section>
      <div className={styles.grid}>
        <Section title={messages.params}>
          <DiffTable label={messages.params} rows={rowsOf(a.params, b.params, onlyChanged)} {...sides} />
        </Section>
        <Section title={messages.environment}>
          <DiffTable
            label={messages.environment}
            rows={[...new Set([...environment(before).keys(), ...environment(after).keys()])]
              .sort()
              .map((key): Row => [key, environment(before).get(key), environment(after).get(key)])
              .filter(([, one, other]) => !onlyChanged || one !== other)}
            {...sides}
          />
        </Section>
      </div>
      <Section title={messages.files}>
        <DiffTable label={messages.files} rows={rowsOf(files, filesNow, onlyChanged)} {...sides} />
      </Section>
    </div>
  );
}

export function CompareVersions({
  version,
  other,
  onOther,
}: {
  version: Version;
  other: string | undefined;
  onOther: (version: string) => void;
}) {
  const [onlyChanged, setOnlyChanged] = useState(true);
  const versions = useQuery(versionsQuery(version.name));
  const choices = (versions.data ?? []).filter((one) => one.version !== version.version);
  const holder = holderAmong(choices, STAGES, version.version);
  const lower = choices.find((one) => Number(one.version) < Number(version.version));
  const chosen = other ?? (holder ?? lower ?? choices[0])?.version;
  const theirs = useQuery({ ...versionQuery(version.name, chosen ?? ""), enabled: chosen !== undefined });
  if (versions.isPending) return <Skeleton height={200} />;
  if (chosen === undefined) return <Notice title={messages.onlyVersion} />;
  const side = (number: string, found: Version | undefined): Side => ({
    number,
    place: { version: `${version.name}/${number}` },
    version: found,
  });
  return (
    <div className={styles.stack}>
      <div className={styles.bar}>
        <SelectField
          label={messages.compareWith(version.version)}
          value={chosen}
          onChange={(event) => onOther(event.target.value)}
        >
          {!choices.some((one) => one.version === chosen) && <option value={chosen}>{chosen}</option>}
          {choices.map((one) => (
            <option key={one.version} value={one.version}>
              {messages.versionInStage(one.version, one.current_stage)}
            </option>
          ))}
        </SelectField>
        <label className={styles.row}>
          <input
            type="checkbox"
            checked={onlyChanged}
            onChange={(event) => setOnlyChanged(event.target.checked)}
          />
          {messages.onlyDifferences}
        </label>
      </div>
      {theirs.isError ? (
        <Notice title={messages.versionGone(version.name, chosen)} tone="warn" />
      ) : theirs.isPending ? (
        <Skeleton height={200} />
      ) : (
        <>
          <p className={styles.quiet}>
            {messages.direction(
              chosen,
              stageName(theirs.data.current_stage),
              version.version,
              stageName(version.current_stage),
            )}
          </p>
          <Comparison
            key={chosen}
            older={side(chosen, theirs.data)}
            newer={side(version.version, version)}
            onlyChanged={onlyChanged}
          />
        </>
      )}
    </div>
  );
}
