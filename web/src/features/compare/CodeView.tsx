/** Code and files of a run against the baseline's: commits, uncommitted changes, and any two text files. */
import { useQuery } from "@tanstack/react-query";
import { post } from "@/api/client";
import type { Column } from "@/features/experiment/columns";
import { Snippet } from "@/ui/Copy";
import { SelectField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Check, Name, Segments } from "./Choices";
import type { ViewProps } from "./Compare";
import styles from "./Compare.module.css";
import { commonPaths, patchFiles, TEXT_FILE, type TextFile, useFiles, useText } from "./files";
import type { ComparedRun } from "./frame";
import { messages } from "./messages";
import { useCompareState } from "./state";
import { TextDiff } from "./TextDiff";

const PATCH = "assay/source.patch";
const COMMIT = "mlflow.source.git.commit";
const MAX_FILES = 2_000;
const SHA = /^[0-9a-f]{7,64}$/;

/** A nested run leaves its files to the run around it. */
const places = (run: ComparedRun) => (run.parent ? [run.id, run.parent] : [run.id]);

export function CodeView({ runs }: ViewProps) {
  const { compare, setCompare } = useCompareState();
  const left = runs[0] as ComparedRun;
  const right = runs.slice(1).find((run) => run.id === compare.other) ?? runs[1];
  const files = useFiles(right ? [left.id, right.id] : [left.id]);
  const texts = commonPaths(files.lists, TEXT_FILE);
  if (!right) {
    return (
      <Notice title={messages.one}>
        <p>{messages.oneHint}</p>
      </Notice>
    );
  }
  const isFile = compare.file !== undefined;
  return (
    <>
      <div className={styles.bar}>
        <SelectField
          label={messages.rightRun}
          className={styles.select}
          value={right.id}
          onChange={(event) => setCompare({ other: event.target.value })}
        >
          {runs.slice(1).map((run) => (
            <option key={run.id} value={run.id}>
              {run.name.slice(0, 200)}
            </option>
          ))}
        </SelectField>
        <Segments
          label={messages.codeKind}
          value={isFile ? "file" : "patch"}
          options={[
            ["patch", messages.patch],
            ["file", messages.file],
          ]}
          onChange={(kind) =>
            setCompare(
              kind === "patch"
                ? { file: undefined, file2: undefined }
                : { file: texts.find((path) => !path.startsWith("assay/")) ?? texts[0] ?? PATCH },
            )
          }
        />
        {isFile && (
          <>
            <FileSelect
              label={messages.file}
              paths={texts}
              value={compare.file ?? ""}
              onChange={(file) => setCompare({ file })}
            />
            <FileSelect
              label={messages.otherFile}
              paths={texts}
              value={compare.file2 ?? compare.file ?? ""}
              onChange={(file2) => setCompare({ file2: file2 === compare.file ? undefined : file2 })}
            />
          </>
        )}
        <Check
          label={messages.inline}
          checked={Boolean(compare.inline)}
          onChange={(on) => setCompare({ inline: on || undefined })}
        />
        <Check
          label={messages.whiteSpace}
          checked={Boolean(compare.ws)}
          onChange={(on) => setCompare({ ws: on || undefined })}
        />
      </div>
      {files.error ? <ErrorNotice error={files.error} retry={files.retry} /> : null}
      {isFile ? (
        <FileDiff left={left} right={right} />
      ) : (
        <>
          <Commits left={left} right={right} />
          <PatchDiff left={left} right={right} />
        </>
      )}
    </>
  );
}

function FileSelect({
  label,
  paths,
  value,
  onChange,
}: {
  label: string;
  paths: readonly string[];
  value: string;
  onChange: (path: string) => void;
}) {
  return (
    <SelectField
      label={label}
      className={styles.select}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {!paths.includes(value) && <option value={value}>{value.slice(0, 300)}</option>}
      {paths.slice(0, MAX_FILES).map((path) => (
        <option key={path} value={path}>
          {path.slice(0, 300)}
        </option>
      ))}
    </SelectField>
  );
}

interface Pair {
  left: ComparedRun;
  right: ComparedRun;
}

function Commits({ left, right }: Pair) {
  const { experimentIds } = useCompareState();
  const columns: Column[] = [{ kind: "tag", key: COMMIT, stat: "last" }];
  const request = {
    experiment_ids: experimentIds,
    run_ids: [left.id, right.id],
    columns,
    limit: 2,
  };
  const query = useQuery({
    queryKey: ["compare", "commits", request],
    queryFn: ({ signal }) => post("/api/assay/v1/runs/rows", request, signal),
  });
  if (query.isError) return <ErrorNotice error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <Skeleton height={24} />;
  const of = (run: ComparedRun) => {
    const at = (query.data.runs.run_id as string[]).indexOf(run.id);
    const commit = query.data.columns[0]?.[at];
    return typeof commit === "string" ? commit.slice(0, 64) : null;
  };
  const [a, b] = [of(left), of(right)];
  if (!a && !b) return <p>{messages.noCommit}</p>;
  if (!a || !b) return <p>{messages.oneCommit}</p>;
  if (a === b) return <p>{messages.sameCommit(a)}</p>;
  return (
    <div>
      <p>{messages.otherCommits(a, b)}</p>
      {SHA.test(a) && SHA.test(b) && <Snippet code={messages.gitCompare(a, b)} />}
    </div>
  );
}

function PatchDiff({ left, right }: Pair) {
  const before = useText(places(left), PATCH);
  const after = useText(places(right), PATCH);
  const failed = before.isError ? before : after;
  if (failed.isError) return <ErrorNotice error={failed.error} retry={() => failed.refetch()} />;
  if (before.data === undefined || after.data === undefined) return <Skeleton height={200} />;
  if (!before.data && !after.data) return <Notice title={messages.patchBoth} />;
  const [a, b] = [patchFiles(before.data?.text ?? ""), patchFiles(after.data?.text ?? "")];
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return (
    <>
      {[[left, before.data] as const, [right, after.data] as const].map(
        ([run, text]) =>
          text === null && (
            <p key={run.id} className={styles.note}>
              <Name text={run.name} /> {messages.patchNone}
            </p>
          ),
      )}
      <Cut files={[before.data, after.data]} />
      {paths.map((path) => (
        <section key={path}>
          <h3>
            <bdi>{path.slice(0, 500)}</bdi>
          </h3>
          <TextDiff left={a.get(path) ?? ""} right={b.get(path) ?? ""} label={path.slice(0, 300)} />
        </section>
      ))}
    </>
  );
}

function Cut({ files }: { files: readonly (TextFile | null)[] }) {
  return files.some((file) => file?.cut) ? <p className={styles.note}>{messages.tooLarge}</p> : null;
}

function FileDiff({ left, right }: Pair) {
  const { compare } = useCompareState();
  const other = compare.file2 ?? compare.file;
  const before = useText(places(left), compare.file);
  const after = useText(places(right), other);
  const failed = before.isError ? before : after;
  if (failed.isError) return <ErrorNotice error={failed.error} retry={() => failed.refetch()} />;
  if (before.data === undefined || after.data === undefined) return <Skeleton height={200} />;
  const sides = [
    { run: left, file: before.data },
    { run: right, file: after.data },
  ];
  const bad = sides.filter(({ file }) => !file || file.binary);
  return (
    <>
      {bad.map(({ run, file }) => (
        <p key={run.id} className={styles.note}>
          <Name text={run.name} /> {file ? messages.binary : messages.missingFile}
        </p>
      ))}
      <Cut files={[before.data, after.data]} />
      {bad.length === 0 && (
        <TextDiff
          left={before.data?.text ?? ""}
          right={after.data?.text ?? ""}
          label={(compare.file ?? "").slice(0, 300)}
        />
      )}
    </>
  );
}
