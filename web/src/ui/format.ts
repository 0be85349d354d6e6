/** Numbers, times and sizes as people read them; the exact value belongs beside it, on hover or copy. */
import { zone } from "@/app/preferences";
import { messages } from "./messages";

const SPECIAL = new Map<string, string>([
  ["NaN", "NaN"],
  ["Infinity", "∞"],
  ["-Infinity", "−∞"],
]);

/** Five significant digits: enough to compare, short enough to scan. */
export function formatNumber(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "";
  const number = typeof value === "number" ? value : Number(value);
  const special = SPECIAL.get(String(number));
  if (special) return special;
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size >= 1e7 || size < 1e-4) return number.toExponential(3).replace(/\.?0+e/, "e");
  if (Number.isInteger(number)) return number.toLocaleString();
  return Number(number.toPrecision(5)).toLocaleString(undefined, { maximumFractionDigits: 9 });
}

export function formatCount(value: number): string {
  return value.toLocaleString();
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "";
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export function formatTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "";
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return date.toLocaleString(undefined, {
    dateStyle: "medium",
    timeStyle: "medium",
    timeZone: zone() === "utc" ? "UTC" : undefined,
  });
}

/** The time of day to the millisecond, for lists in which the day is the same or stands beside. */
export function formatClock(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return date.toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    hourCycle: "h23",
    timeZone: zone() === "utc" ? "UTC" : undefined,
  });
}

export function formatAgo(ms: number | null | undefined, now = Date.now()): string {
  if (ms === null || ms === undefined) return "";
  const seconds = (now - ms) / 1000;
  if (!Number.isFinite(seconds)) return String(ms);
  if (seconds < -1 || seconds > 30 * 86_400) return formatTime(ms);
  if (seconds < 10) return messages.now;
  if (seconds < 60) return messages.ago(`${Math.floor(seconds)} s`);
  if (seconds < 3600) return messages.ago(`${Math.floor(seconds / 60)} min`);
  if (seconds < 86_400) return messages.ago(`${Math.floor(seconds / 3600)} h`);
  return messages.ago(`${Math.floor(seconds / 86_400)} d`);
}
