/** Deployments as a table: what, where, since when, and what their servers tell. */
import { Link } from "@tanstack/react-router";
import type { Deployment } from "@/features/registry/data";
import { Person } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { Chip, Time } from "@/ui/Facts";
import type { Figures } from "./data";
import { lastTold, type State, stateOf } from "./figures";
import { messages } from "./messages";

const TONES: Record<State, "good" | "warn" | undefined> = {
  answering: "good",
  silent: "warn",
  noted: undefined,
  ended: undefined,
};

/** What a deployment is called at its place, else by its id. */
export const nameOf = (one: Deployment): string => one.details.deployment || one.deployment_id;

export function StateMark({ of, told }: { of: Deployment; told: Figures | undefined }) {
  const state = stateOf(of, told);
  const at = state === "silent" ? lastTold(of, told) : of.ended_time;
  return (
    <span className={registry.mark}>
      <Chip tone={TONES[state]} title={messages.stateHints[state]}>
        {messages.states[state]}
      </Chip>
      {at !== null && (
        <span className={`${registry.quiet} ${registry.small}`}>
          {state === "silent" && messages.told} <Time ms={at} />
        </span>
      )}
    </span>
  );
}

/** An address, as a link where it is one of the web. */
export function Endpoint({ of }: { of: Deployment }) {
  if (!/^https?:\/\//i.test(of.endpoint)) return <bdi className={registry.break}>{of.endpoint || "–"}</bdi>;
  return (
    <a href={of.endpoint} target="_blank" rel="noopener noreferrer nofollow" className={registry.break}>
      {of.endpoint}
    </a>
  );
}

export function DeploymentTable({
  deployments,
  told,
  showModel = true,
}: {
  deployments: Deployment[];
  told: Figures | undefined;
  showModel?: boolean;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className={registry.scroll} aria-label={messages.deployments} tabIndex={0}>
      <table className={registry.table}>
        <thead>
          <tr>
            <th>{messages.deploymentName}</th>
            <th>{messages.state}</th>
            {showModel && <th>{messages.model}</th>}
            <th>{messages.version}</th>
            <th>{messages.target}</th>
            <th>{messages.endpoint}</th>
            <th>{messages.noted}</th>
            <th>{messages.since}</th>
          </tr>
        </thead>
        <tbody>
          {deployments.map((one) => (
            <tr key={one.deployment_id}>
              <td>
                <Link to="/deployments/$id" params={{ id: one.deployment_id }} className={registry.name}>
                  <bdi>{nameOf(one)}</bdi>
                </Link>
              </td>
              <td className={registry.nowrap}>
                <StateMark of={one} told={told} />
              </td>
              {showModel && (
                <td>
                  <Link
                    to="/models/$name"
                    params={{ name: one.name }}
                    search={{ tab: "serving" }}
                    className={registry.name}
                  >
                    <bdi>{one.name}</bdi>
                  </Link>
                </td>
              )}
              <td>
                <Link to="/models/$name/$version" params={{ name: one.name, version: String(one.version) }}>
                  {one.version}
                </Link>
              </td>
              <td>
                <bdi className={registry.break}>{one.target}</bdi>
              </td>
              <td className={registry.break}>
                <Endpoint of={one} />
              </td>
              <td>
                <Person name={one.actor} />
              </td>
              <td className={registry.nowrap}>
                <Time ms={one.time} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
