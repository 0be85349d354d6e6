/** What came of what, as a graph and as a list beside it: data set → run → model → version → deployment. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useMemo } from "react";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { type LineageNode, lineageQuery } from "./data";
import { layOut, NODE_HEIGHT, NODE_WIDTH, nodeKey, type Placed } from "./lineageLayout";
import { messages } from "./messages";
import { stageName } from "./parts";
import styles from "./Registry.module.css";

type Box = {
  className?: string;
  style?: React.CSSProperties;
  title?: string;
  "data-start"?: string;
  "data-gone"?: string;
};

/** A node as a link to its page, where it has one. */
function NodeLink({ node, children, ...box }: Box & { node: LineageNode; children: ReactNode }) {
  if (node.facts.deleted) return <span {...box}>{children}</span>;
  if (node.kind === "run") {
    return (
      <Link to="/runs/$runId" params={{ runId: node.id }} {...box}>
        {children}
      </Link>
    );
  }
  if (node.kind === "logged_model") {
    return (
      <Link to="/logged-models/$modelId" params={{ modelId: node.id }} {...box}>
        {children}
      </Link>
    );
  }
  if (node.kind === "model_version") {
    const [, name = "", version = ""] = node.id.match(/^([\s\S]+)\/(\d+)$/) ?? [];
    return (
      <Link to="/models/$name/$version" params={{ name, version }} {...box}>
        {children}
      </Link>
    );
  }
  if (node.kind === "deployment") {
    return (
      <Link to="/deployments/$id" params={{ id: node.id }} {...box}>
        {children}
      </Link>
    );
  }
  return <span {...box}>{children}</span>;
}

/** What is worth a second line of each kind. */
function detailOf({ facts, kind, id }: LineageNode): string {
  const text = (name: string) => (facts[name] === undefined ? "" : String(facts[name]));
  if (facts.deleted) return messages.removed;
  if (kind === "dataset") return text("digest").slice(0, 16);
  if (kind === "run") return [text("status"), text("commit").slice(0, 8)].filter(Boolean).join(" · ");
  if (kind === "logged_model") return text("model_type") || id;
  if (kind === "model_version") {
    const aliases = Array.isArray(facts.aliases) ? facts.aliases.map((alias) => `@${alias}`) : [];
    return [text("name"), facts.stage === undefined ? "" : stageName(text("stage")), ...aliases]
      .filter(Boolean)
      .join(" · ");
  }
  return facts.ended_time ? messages.ended : text("endpoint");
}

function Node({ placed, start }: { placed: Placed; start: boolean }) {
  const { node, x, y } = placed;
  const version = node.kind === "model_version" ? node.facts.version : undefined;
  const label = String(version ?? (node.label || node.id));
  return (
    <NodeLink
      node={node}
      className={styles.node}
      style={{ left: x, top: y, width: NODE_WIDTH, height: NODE_HEIGHT }}
      title={`${messages.nodeKinds[node.kind]}: ${node.label || node.id}`}
      data-start={start ? "yes" : undefined}
      data-gone={node.facts.deleted ? "yes" : undefined}
    >
      <span>
        <span className={styles.quiet}>{messages.nodeKinds[node.kind]}</span> <bdi>{label.slice(0, 120)}</bdi>
      </span>
      <span className={`${styles.quiet} ${styles.small}`}>{detailOf(node)}</span>
    </NodeLink>
  );
}

export function LineageGraph({ kind, id }: { kind: string; id: string }) {
  const found = useQuery(lineageQuery(kind, id));
  const laid = useMemo(() => (found.data ? layOut(found.data) : null), [found.data]);
  if (found.isPending) return <Skeleton height={240} />;
  if (found.isError) return <ErrorNotice error={found.error} retry={() => found.refetch()} />;
  if (!laid) return null;
  const { nodes, edges, start, truncated } = found.data;
  const byKey = new Map(nodes.map((node) => [nodeKey(node), node]));
  return (
    <div className={styles.side}>
      <div className={styles.stack}>
        {truncated && <Notice title={messages.truncated(nodes.length)} tone="warn" />}
        <section className={styles.graph} aria-label={messages.lineage}>
          <div className={styles.canvas} style={{ width: laid.width, height: laid.height }}>
            <svg width={laid.width} height={laid.height} aria-hidden="true">
              {edges.length > 0 &&
                laid.edges.map((edge) => (
                  <path key={edge.key} className={styles.edge} d={edge.path}>
                    <title>{edge.relation}</title>
                  </path>
                ))}
            </svg>
            {laid.nodes.map((placed) => (
              <Node key={placed.key} placed={placed} start={placed.key === start} />
            ))}
          </div>
        </section>
      </div>
      <section className={styles.card} aria-label={messages.inWords}>
        <h2>{messages.inWords}</h2>
        {edges.length === 0 && <p className={styles.quiet}>{messages.noLineage}</p>}
        <ul className={styles.list}>
          {edges.map((edge) => {
            const [from, to] = [byKey.get(edge.source), byKey.get(edge.target)];
            if (!from || !to) return null;
            return (
              <li key={`${edge.source}>${edge.target}>${edge.relation}`}>
                {messages.nodeKinds[from.kind]}{" "}
                <NodeLink node={from}>
                  <bdi>{from.label || from.id}</bdi>
                </NodeLink>{" "}
                {messages.relations[edge.relation] ?? edge.relation} {messages.nodeKinds[to.kind]}{" "}
                <NodeLink node={to}>
                  <bdi>{to.label || to.id}</bdi>
                </NodeLink>
              </li>
            );
          })}
        </ul>
      </section>
    </div>
  );
}
