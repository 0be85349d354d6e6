/** Packages that were installed, and the machine. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { readText } from "@/features/files/place";
import { visible } from "@/features/files/spans";
import { CopyButton } from "@/ui/Copy";
import { TextField } from "@/ui/Field";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { capturedOf, Fact, Plain } from "./About";
import { REQUIREMENTS_PATH, type Run, useHasFile } from "./data";
import { messages } from "./messages";
import { readRequirements } from "./packages";
import styles from "./run.module.css";

const MAX_BYTES = 1 << 20;

export default function EnvironmentTab({ run }: { run: Run }) {
  const captured = capturedOf(run);
  const words = messages.facts;
  const facts = (["python", "host", "cpu", "gpu"] as const).filter((key) => captured[key]);
  return (
    <div className={styles.column}>
      {facts.length > 0 && (
        <section className={styles.section} aria-labelledby="run-hardware">
          <h2 id="run-hardware">{messages.hardware}</h2>
          <dl className={styles.list}>
            {facts.map((key) => (
              <Fact key={key} name={words[key]}>
                <Plain text={captured[key] ?? ""} />
              </Fact>
            ))}
          </dl>
        </section>
      )}
      <Packages run={run} />
    </div>
  );
}

function Packages({ run }: { run: Run }) {
  const runId = run.info.run_id;
  const [filter, setFilter] = useState("");
  const hasList = useHasFile(run, REQUIREMENTS_PATH);
  const list = useQuery({
    enabled: hasList === true,
    queryKey: ["run", runId, "requirements"],
    queryFn: ({ signal }) =>
      readText({ run_id: runId }, REQUIREMENTS_PATH, { offset: 0, limit: MAX_BYTES }, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const { packages } = readRequirements(list.data?.text ?? "");
  const wanted = filter.toLowerCase();
  const shown = packages.filter((one) =>
    `${one.name} ${one.version} ${one.note}`.toLowerCase().includes(wanted),
  );
  return (
    <section className={styles.section} aria-labelledby="run-packages">
      <div className={styles.sectionHead}>
        <h2 id="run-packages">{messages.packages}</h2>
        {list.data && (
          <>
            <TextField
              label={messages.filterPackages}
              hideLabel
              type="search"
              placeholder={messages.filterPackages}
              value={filter}
              onChange={(event) => setFilter(event.target.value)}
            />
            <span className={styles.quiet} role="status">
              {messages.packageCount(shown.length, packages.length)}
            </span>
            <span className={styles.spacer} />
            <CopyButton text={list.data.text} />
          </>
        )}
      </div>
      {hasList === false && <p className={styles.quiet}>{messages.noPackages}</p>}
      {list.isError && <ErrorNotice error={list.error} retry={() => list.refetch()} />}
      {hasList !== false && list.isPending && <Skeleton height={300} />}
      {list.data && (
        <table className={styles.table} data-text>
          <thead>
            <tr>
              <th scope="col">{messages.package}</th>
              <th scope="col">{messages.version}</th>
              <th scope="col">{messages.note}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>
                  <code>{visible(one.version)}</code>
                </td>
                <td className={styles.quiet}>
                  <bdi>{visible(one.note)}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
