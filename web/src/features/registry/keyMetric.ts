/** The metric that tells most of a model: what its policy asks for, else the first of a validation or test set. */
import type { Policy } from "./data";

const TELLING = /^(?:val|valid|validation|test|eval|holdout)[/_.-]/i;
const CONDITION = /^metrics\.(\S+) /;

/** The metric that the gates of a policy hold against a limit, of the place that is furthest on. */
export function gatedMetric(policy: Policy | null | undefined): string | undefined {
  const gates = Object.values(policy?.targets ?? {})
    .reverse()
    .flatMap((rules) => rules.gates);
  return gates
    .filter((gate) => gate.kind === "metric")
    .map((gate) => gate.condition.match(CONDITION)?.[1]?.replaceAll("`", ""))
    .find((key) => key !== undefined);
}

export function keyMetric(
  metrics: Map<string, number> | undefined,
  wanted: string | undefined,
): [string, number] | null {
  if (!metrics) return null;
  const keys = [...metrics.keys()].sort();
  const key =
    keys.find((one) => one === wanted) ??
    (wanted ? undefined : (keys.find((one) => TELLING.test(one)) ?? keys[0]));
  return key === undefined ? null : [key, metrics.get(key) as number];
}
