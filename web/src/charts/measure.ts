/** Notes of how long things took, where budgets and developer tools look for them. */

const KEPT_MEASURES = 2_000;
let measures = 0;

export function measure(name: string, start: number, detail?: unknown): void {
  if (++measures % KEPT_MEASURES === 0) performance.clearMeasures();
  performance.measure(name, { start, end: performance.now(), detail });
}
