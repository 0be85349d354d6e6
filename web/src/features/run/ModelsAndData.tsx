/** Models, registered versions and data sets of the run, in short. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { visible } from "@/features/files/spans";
import { Chip } from "@/ui/Facts";
import { lineageQuery, type Run } from "./data";
import { messages } from "./messages";
import { NodeLink } from "./NodeLink";
import { versionsOf } from "./nodes";
import styles from "./run.module.css";

export function useModelNames(runId: string): (modelId: string) => string {
  const lineage = useQuery(lineageQuery(runId));
  const names = new Map(
    (lineage.data?.nodes ?? [])
      .filter((node) => node.kind === "logged_model")
      .map((node) => [node.id, node.label || node.id]),
  );
  return (modelId) => visible(names.get(modelId) ?? modelId).slice(0, 200);
}

export function ModelsAndData({ run }: { run: Run }) {
  const runId = run.info.run_id;
  const lineage = useQuery(lineageQuery(runId));
  const nameOf = useModelNames(runId);
  const made = run.outputs.model_outputs;
  const versions = lineage.data ? versionsOf(lineage.data) : [];
  const datasets = run.inputs.dataset_inputs;
  if (!made.length && !versions.length && !datasets.length) return null;
  return (
    <section className={styles.section} aria-labelledby="run-models">
      <h2 id="run-models">{messages.tabs.inputs}</h2>
      <dl className={styles.list}>
        {made.length > 0 && (
          <>
            <dt>{messages.modelsMade}</dt>
            <dd>
              <ul className={styles.plainList}>
                {made.slice(0, 10).map((model) => (
                  <li key={model.model_id}>
                    <Link to="/logged-models/$modelId" params={{ modelId: model.model_id }}>
                      <bdi>{nameOf(model.model_id)}</bdi>
                    </Link>{" "}
                    <span className={styles.quiet}>{messages.atStep(model.step)}</span>
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
        {versions.length > 0 && (
          <>
            <dt>{messages.versions}</dt>
            <dd>
              <ul className={styles.plainList}>
                {versions.slice(0, 10).map((node) => (
                  <li key={node.id}>
                    <NodeLink node={node} />
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
        {datasets.length > 0 && (
          <>
            <dt>{messages.datasets}</dt>
            <dd>
              <ul className={styles.plainList}>
                {datasets.slice(0, 10).map(({ dataset, tags }) => (
                  <li key={`${dataset.name} ${dataset.digest}`}>
                    <bdi>{visible(dataset.name).slice(0, 200)}</bdi>{" "}
                    <code className={styles.quiet}>{visible(dataset.digest)}</code>{" "}
                    {tags
                      .filter((tag) => tag.key === "mlflow.data.context")
                      .map((tag) => (
                        <Chip key={tag.value}>{visible(tag.value).slice(0, 60)}</Chip>
                      ))}
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
