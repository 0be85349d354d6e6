/** What servers tell of the last hour: each version with its part, its figures and its curves. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Section } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { serveSnippet } from "@/features/registry/snippets";
import { Snippet } from "@/ui/Copy";
import { Chip } from "@/ui/Facts";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Curves } from "./Curves";
import { figuresQuery, type Told } from "./data";
import { byVersion, isFresh, type VersionFigures } from "./figures";
import { messages } from "./messages";
import styles from "./serving.module.css";

const TONES = { main: "good", canary: "busy", shadow: "accent", former: undefined } as const;

/** The parts that servers give a version now; of one that none has any more, that. */
function Parts({ of, now }: { of: VersionFigures; now: number }) {
  const fresh = of.servers.filter((one) => isFresh(one, now));
  const parts = new Map(fresh.map((one) => [`${one.part} ${one.percent}`, one]));
  if (parts.size === 0) return <Chip>{messages.states.silent}</Chip>;
  return [...parts].map(([key, one]) => (
    <Chip key={key} tone={TONES[one.part]}>
      {messages.partOf(one.part, one.percent)}
    </Chip>
  ));
}

function Servers({ of, now }: { of: VersionFigures; now: number }) {
  const fresh = of.servers.filter((one) => isFresh(one, now));
  const hosts = [...new Set(of.servers.map((one) => one.host).filter(Boolean))];
  const sources = [...new Set(of.servers.map((one) => one.source).filter(Boolean))];
  return (
    <span className={`${registry.quiet} ${registry.small} ${registry.break}`}>
      {[
        messages.serverCount(fresh.length, of.servers.length),
        hosts.slice(0, 5).join(", "),
        sources.slice(0, 3).join(", "),
      ]
        .filter(Boolean)
        .join(" · ")}
    </span>
  );
}

export function LiveSection({ name, keep }: { name: string; keep?: (one: Told) => boolean }) {
  const told = useQuery(figuresQuery(name));
  const versions = told.data ? byVersion(told.data, keep) : [];
  return (
    <Section title={messages.live}>
      {told.isError ? (
        <ErrorNotice error={told.error} retry={() => told.refetch()} />
      ) : told.isPending ? (
        <Skeleton height={90} />
      ) : versions.length === 0 ? (
        <Notice title={messages.noFigures}>
          <p>{messages.noFiguresHint}</p>
          <Snippet code={serveSnippet(`models:/${name}@champion`)} />
        </Notice>
      ) : (
        versions.map((one) => (
          <div key={one.version} className={styles.version}>
            <div className={registry.row}>
              <Link to="/models/$name/$version" params={{ name, version: String(one.version) }}>
                {messages.versionOf(one.version)}
              </Link>
              <Parts of={one} now={told.data.time} />
              <Servers of={one} now={told.data.time} />
            </div>
            <Curves of={one} />
          </div>
        ))
      )}
    </Section>
  );
}
