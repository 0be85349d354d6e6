/** Figures over the runs that are compared: a straight line through points, and who is best at two things. Pure. */

export interface Line {
  slope: number;
  intercept: number;
  /** Share of the spread that the line explains, 0 to 1. */
  r2: number;
  count: number;
}

/** Least squares; pairs with a value that is not finite are left out. Null where no line is determined. */
export function regression(xs: readonly (number | null)[], ys: readonly (number | null)[]): Line | null {
  const pairs = xs.flatMap((x, i): [number, number][] => {
    const y = ys[i];
    return Number.isFinite(x) && Number.isFinite(y) ? [[x as number, y as number]] : [];
  });
  const count = pairs.length;
  if (count < 2) return null;
  const meanX = pairs.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = pairs.reduce((sum, [, y]) => sum + y, 0) / count;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const [x, y] of pairs) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (xx === 0) return null;
  const slope = xy / xx;
  return { slope, intercept: meanY - slope * meanX, r2: yy === 0 ? 1 : (xy * xy) / (xx * yy), count };
}

/** The runs that no other beats in both values, along the first one. `less`: whether less is better. */
export function paretoFront(
  xs: readonly (number | null)[],
  ys: readonly (number | null)[],
  less: { x: boolean; y: boolean },
): number[] {
  const sign = (value: number, isLess: boolean) => (isLess ? -value : value);
  const points = xs.flatMap((x, i) => {
    const y = ys[i];
    return Number.isFinite(x) && Number.isFinite(y)
      ? [{ i, x: sign(x as number, less.x), y: sign(y as number, less.y) }]
      : [];
  });
  points.sort((a, b) => b.x - a.x || b.y - a.y);
  const front: number[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point.y > best) {
      best = point.y;
      front.push(point.i);
    }
  }
  return front;
}

/** Whether less of a metric is better, as its name says. */
export function guessLess(key: string): boolean {
  return /loss|err(or)?(\b|_|$)|rmse|\bmae\b|\bmse\b|perplexity|latency|duration|time|regret|nll/i.test(key);
}
