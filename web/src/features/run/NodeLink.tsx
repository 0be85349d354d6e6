/** One thing of a lineage, linked to its page where it has one. */
import { Link } from "@tanstack/react-router";
import { visible } from "@/features/files/spans";
import { Chip } from "@/ui/Facts";
import { messages } from "./messages";
import { type Node, versionParts } from "./nodes";

export function NodeLink({ node }: { node: Node }) {
  const label = <bdi>{visible(node.label || node.id).slice(0, 200)}</bdi>;
  const stage = node.facts.stage;
  const suffix = (
    <>
      {typeof stage === "string" && stage && stage !== "None" && (
        <>
          {" "}
          <Chip tone="accent">{visible(stage)}</Chip>
        </>
      )}
      {node.facts.deleted === true && (
        <>
          {" "}
          <Chip tone="bad">{messages.deleted}</Chip>
        </>
      )}
    </>
  );
  switch (node.kind) {
    case "run":
      return (
        <>
          <Link to="/runs/$runId" params={{ runId: node.id }}>
            {label}
          </Link>
          {suffix}
        </>
      );
    case "logged_model":
      return (
        <>
          <Link to="/logged-models/$modelId" params={{ modelId: node.id }}>
            {label}
          </Link>
          {suffix}
        </>
      );
    case "model_version":
      return (
        <>
          <Link to="/models/$name/$version" params={versionParts(node.id)}>
            {label}
          </Link>
          {suffix}
        </>
      );
    case "deployment":
      return (
        <>
          <Link to="/deployments/$id" params={{ id: node.id }}>
            {label}
          </Link>
          {suffix}
        </>
      );
    default:
      return (
        <>
          {label}
          {suffix}
        </>
      );
  }
}
