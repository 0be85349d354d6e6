/** What went in and what came out: data sets, models, versions, and the lineage around them. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { JsonTree } from "@/features/files/JsonView";
import { parseJson } from "@/features/files/jsonRows";
import { visible } from "@/features/files/spans";
import { Chip } from "@/ui/Facts";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { lineageQuery, type Run } from "./data";
import { useModelNames } from "./ModelsAndData";
import { messages } from "./messages";
import { NodeLink } from "./NodeLink";
import { downstreamOf, type Node, nodeKey, upstreamOf, versionsOf } from "./nodes";
import { Value } from "./ParamTable";
import styles from "./run.module.css";

export default function InputsTab({ run }: { run: Run }) {
  const lineage = useQuery(lineageQuery(run.info.run_id));
  const versions = lineage.data ? versionsOf(lineage.data) : [];
  return (
    <div className={styles.column}>
      <section className={styles.section} aria-labelledby="run-data">
        <h2 id="run-data">{messages.datasets}</h2>
        {run.inputs.dataset_inputs.length === 0 && <p className={styles.quiet}>{messages.noDatasets}</p>}
        {run.inputs.dataset_inputs.map((input) => (
          <DatasetCard key={`${input.dataset.name} ${input.dataset.digest}`} input={input} />
        ))}
      </section>
      <Models run={run} />
      <section className={styles.section} aria-labelledby="run-versions">
        <h2 id="run-versions">{messages.versions}</h2>
        {lineage.data && versions.length === 0 && <p className={styles.quiet}>{messages.noVersions}</p>}
        <ul className={styles.plainList}>
          {versions.map((node) => (
            <li key={node.id}>
              <NodeLink node={node} />
            </li>
          ))}
        </ul>
      </section>
      <section className={styles.section} aria-labelledby="run-lineage">
        <h2 id="run-lineage">{messages.lineage}</h2>
        <p className={styles.quiet}>{messages.lineageHint}</p>
        {lineage.isError && <ErrorNotice error={lineage.error} retry={() => lineage.refetch()} />}
        {lineage.isPending && <Skeleton height={80} />}
        {lineage.data && (
          <div className={styles.lineage}>
            <Nodes title={messages.upstream} nodes={upstreamOf(lineage.data)} />
            <Nodes title={messages.downstream} nodes={downstreamOf(lineage.data)} />
          </div>
        )}
        {lineage.data?.truncated && <p className={styles.quiet}>{messages.lineageCut}</p>}
      </section>
    </div>
  );
}

function Nodes({ title, nodes }: { title: string; nodes: Node[] }) {
  return (
    <div>
      <h3>{title}</h3>
      {nodes.length === 0 && <p className={styles.quiet}>{messages.nothing}</p>}
      <ul className={styles.plainList}>
        {nodes.map((node) => (
          <li key={nodeKey(node)}>
            <span className={styles.quiet}>{messages.kinds[node.kind] ?? node.kind}</span>{" "}
            <NodeLink node={node} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Models({ run }: { run: Run }) {
  const nameOf = useModelNames(run.info.run_id);
  const made = run.outputs.model_outputs.map((model) => ({ id: model.model_id, step: model.step }));
  const used = run.inputs.model_inputs.map((model) => ({ id: model.model_id, step: null }));
  const list = (title: string, models: { id: string; step: number | null }[]) =>
    models.length > 0 && (
      <>
        <h3>{title}</h3>
        <ul className={styles.plainList}>
          {models.map((model) => (
            <li key={`${model.id} ${model.step}`}>
              <Link to="/logged-models/$modelId" params={{ modelId: model.id }}>
                <bdi>{nameOf(model.id)}</bdi>
              </Link>{" "}
              {model.step !== null && <span className={styles.quiet}>{messages.atStep(model.step)}</span>}
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <section className={styles.section} aria-labelledby="run-made">
      <h2 id="run-made">{messages.models}</h2>
      {!made.length && !used.length && <p className={styles.quiet}>{messages.noModels}</p>}
      {list(messages.modelsMade, made)}
      {list(messages.modelsUsed, used)}
    </section>
  );
}

function DatasetCard({ input }: { input: Run["inputs"]["dataset_inputs"][number] }) {
  const { dataset, tags } = input;
  return (
    <article className={styles.card}>
      <div className={styles.sectionHead}>
        <h3>
          <bdi>{visible(dataset.name).slice(0, 300)}</bdi>
        </h3>
        {tags.map((tag) => (
          <Chip key={tag.key} title={visible(tag.key)}>
            {visible(tag.value).slice(0, 60)}
          </Chip>
        ))}
      </div>
      <dl className={styles.list}>
        <dt>{messages.digest}</dt>
        <dd>
          <code>{visible(dataset.digest)}</code>
        </dd>
        <dt>{messages.dataSource}</dt>
        <dd>
          <Chip>{visible(dataset.source_type)}</Chip> <Value text={dataset.source} />
        </dd>
      </dl>
      {dataset.schema && <JsonFold title={messages.schema} text={dataset.schema} />}
      {dataset.profile && <JsonFold title={messages.profile} text={dataset.profile} />}
    </article>
  );
}

function parsed(text: string) {
  try {
    return { value: parseJson(text) };
  } catch {
    return null;
  }
}

function JsonFold({ title, text }: { title: string; text: string }) {
  const json = parsed(text);
  return (
    <details>
      <summary>{title}</summary>
      {json ? (
        <div className={styles.jsonBox}>
          <JsonTree value={json.value} label={title} />
        </div>
      ) : (
        <Value text={text} />
      )}
    </details>
  );
}
