/** What depends on a version, told before it is archived or deleted. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Notice, Skeleton } from "@/ui/Notice";
import { lineageQuery, versionQuery } from "./data";
import { messages } from "./messages";
import styles from "./Registry.module.css";

export function Impact({ name, version }: { name: string; version: string }) {
  const below = useQuery(lineageQuery("model_version", `${name}/${version}`, "downstream"));
  const own = useQuery(versionQuery(name, version));
  if (below.isPending || own.isPending) return <Skeleton height={40} />;
  if (!below.data || !own.data) return null;
  const nodes = below.data.nodes.filter(
    (node) => `${node.kind}:${node.id}` !== below.data.start && !node.facts.deleted && !node.facts.ended_time,
  );
  const aliases = own.data.aliases ?? [];
  if (nodes.length === 0 && aliases.length === 0) {
    return <p className={styles.quiet}>{messages.noImpact}</p>;
  }
  return (
    <Notice title={messages.impact} tone="warn">
      <ul className={styles.list}>
        {aliases.map((alias) => (
          <li key={alias}>{messages.aliasHere(alias)}</li>
        ))}
        {nodes.map((node) => (
          <li key={`${node.kind}:${node.id}`}>
            {messages.nodeKinds[node.kind]}{" "}
            {node.kind === "run" ? (
              <Link to="/runs/$runId" params={{ runId: node.id }}>
                <bdi>{node.label || node.id}</bdi>
              </Link>
            ) : node.kind === "deployment" ? (
              <Link to="/deployments/$id" params={{ id: node.id }}>
                <bdi>{node.label || node.id}</bdi>
              </Link>
            ) : (
              <bdi>{node.label || node.id}</bdi>
            )}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
