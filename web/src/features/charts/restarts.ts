/**
 * Runs that were started again from an earlier step: their series go back to steps that they had. The server tells the
 * branches apart where it is asked to, which costs it more than buckets do; here is seen which series are worth it.
 */
import type { Buckets } from "@/api/series";
import { isAscending } from "@/charts/lines";

/** Points this much closer than buckets are to each other come from several processes. */
const CLOSER = 0.75;

/**
 * Whether buckets of several points may hold several branches: their times run back, or more points lie in one than
 * its steps have room for at the distance at which buckets follow each other.
 */
export function mayRestart(series: Buckets): boolean {
  const { steps, lastSteps, timestamps, counts } = series;
  const end = steps.length - 1;
  if (end < 1) return false;
  if (!isAscending(timestamps)) return true;
  for (let i = 0; i <= end; i++) {
    if (counts[i]! < 2) continue;
    const apart = (lastSteps[i]! - steps[i]!) / (counts[i]! - 1);
    const before = i > 0 ? steps[i]! - lastSteps[i - 1]! : Number.POSITIVE_INFINITY;
    const after = i < end ? steps[i + 1]! - lastSteps[i]! : Number.POSITIVE_INFINITY;
    if (apart < CLOSER * Math.min(before, after)) return true;
  }
  return false;
}
