/** What is known of a file: its size and digest, who made it, and what is recorded of its use. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { NodeLink } from "@/features/run/NodeLink";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { formatBytes, formatCount } from "@/ui/format";
import styles from "./files.module.css";
import { messages } from "./messages";
import { type FileFacts, type FileUses, type Place, usesQuery } from "./place";
import { visible } from "./spans";

const FEW = 5;
const words = messages.facts;

export function Details({ facts, place, path }: { facts: FileFacts; place: Place; path: string }) {
  const uses = useQuery(usesQuery(place, path)).data;
  const maker = uses?.made_by;
  return (
    <dl className={styles.details}>
      <dt>{words.size}</dt>
      <dd>{`${formatBytes(facts.size)} (${formatCount(facts.size)} B)`}</dd>
      <dt>{words.sha256}</dt>
      <dd>
        {facts.sha256 ? (
          <>
            <code>{facts.sha256}</code>
            <CopyButton text={facts.sha256} />
          </>
        ) : (
          words.unknownDigest
        )}
      </dd>
      {maker && (
        <>
          <dt>{words.madeBy}</dt>
          <dd>
            {"run_id" in place && place.run_id === maker.id ? (
              <span>
                <bdi>{visible(maker.label || maker.id).slice(0, 200)}</bdi>{" "}
                <span className={styles.quiet}>{words.thisRun}</span>
              </span>
            ) : (
              <NodeLink node={maker} />
            )}
          </dd>
        </>
      )}
      {uses && uses.uses.length > 0 && <UsedBy uses={uses} />}
      <dt>{words.stored}</dt>
      <dd>
        <code>{visible(facts.uri)}</code>
      </dd>
    </dl>
  );
}

function UsedBy({ uses: { uses, truncated } }: { uses: FileUses }) {
  const [all, setAll] = useState(false);
  const shown = all ? uses : uses.slice(0, FEW);
  return (
    <>
      <dt>{words.usedBy}</dt>
      <dd>
        <ul className={styles.uses}>
          {shown.map((use) => (
            <li key={`${use.node.kind}:${use.node.id}`}>
              <span className={styles.quiet}>{words.kinds[use.node.kind]}</span> <NodeLink node={use.node} />{" "}
              <span className={styles.quiet}>{words.how(use.relation, use.by === "dataset")}</span>
            </li>
          ))}
          {(uses.length > shown.length || truncated) && (
            <li>
              {uses.length > shown.length ? (
                <Button kind="quiet" onClick={() => setAll(true)}>
                  {words.more(uses.length - shown.length, truncated)}
                </Button>
              ) : (
                <span className={styles.quiet}>{words.cut}</span>
              )}
            </li>
          )}
        </ul>
      </dd>
    </>
  );
}
