/** Which end of a metric is the good one, and how a value is shaded between the ends. */
import { keep, readKept } from "@/app/preferences";
import type { GroupFigure } from "@/features/experiment/search";

export type Direction = "min" | "max" | "none";

const STORAGE = "assay.metric-marks";
const LOWER =
  /(?:^|[/_.-])(?:loss|error|err|mse|mae|rmse|mape|nll|bce|perplexity|ppl|latency|wer|cer|fid|kl|divergence|regret)(?:$|[/_.\d-])|loss$|error$/i;
const HIGHER =
  /(?:^|[/_.-])(?:acc|accuracy|auc|auroc|f1|f1_score|precision|recall|score|reward|map|iou|dice|bleu|rouge|r2|psnr|ssim|throughput|return)(?:$|[/_.\d-])|accuracy$|score$/i;

export interface Mark {
  direction: Direction;
  shade: boolean;
}

/** What a metric's name says about its good end. */
export function guessed(key: string): Direction {
  if (LOWER.test(key)) return "min";
  return HIGHER.test(key) ? "max" : "none";
}

type Kept = Record<string, Partial<Mark>>;
let kept: Kept | null = null;

function all(): Kept {
  kept ??= readKept<Kept>(STORAGE, {});
  return kept;
}

/** How a metric is marked: as this reader said, else as its name suggests. */
export function markOf(key: string): Mark {
  const said = Object.hasOwn(all(), key) ? all()[key] : undefined;
  return { direction: said?.direction ?? guessed(key), shade: said?.shade ?? false };
}

export function setMark(key: string, change: Partial<Mark>): void {
  kept = { ...all(), [key]: { ...markOf(key), ...change } };
  keep(STORAGE, kept);
}

/** The end that is meant where the best is one of them; that of a metric without a good end is its least. */
export function endOf(figure: GroupFigure, key: string): "min" | "max" {
  if (figure !== "best") return figure;
  return markOf(key).direction === "max" ? "max" : "min";
}

export interface Range {
  min: number;
  max: number;
}

/** Where a value stands between the ends, 0…1, the good end at 1; null where there is no such place. */
export function shareOf(value: number, range: Range | undefined, direction: Direction): number | null {
  if (!range || !Number.isFinite(value)) return null;
  const span = range.max - range.min;
  if (!Number.isFinite(span) || span <= 0) return null;
  const share = Math.min(1, Math.max(0, (value - range.min) / span));
  return direction === "min" ? 1 - share : share;
}

export function isBest(value: number, range: Range | undefined, direction: Direction): boolean {
  if (!range || direction === "none" || range.min === range.max) return false;
  return value === (direction === "min" ? range.min : range.max);
}
