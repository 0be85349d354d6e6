/** What was noted about the end of a run's process; all of it is text that anybody may have set. */
import { formatBytes, formatDuration } from "@/ui/format";
import type { Run } from "./data";
import { messages } from "./messages";

const MAX_CODE_LENGTH = 12;

export function exceptionOf(run: Run): string | undefined {
  return run.data.tags["assay.exception"] || run.data.tags["assay.project.reason"] || undefined;
}

const numberOf = (text: string | undefined): number | null => {
  const value = text ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value >= 0 ? value : null;
};

/** Exit code, processor time and peak memory, as far as they are known. */
export function exitFacts(run: Run): { name: string; value: string }[] {
  const { tags } = run.data;
  const facts: { name: string; value: string }[] = [];
  const code = tags["assay.exit_code"];
  if (code && code.length <= MAX_CODE_LENGTH && /^-?\d+$/.test(code))
    facts.push({ name: messages.exit.code, value: messages.exitCode(Number(code)) });
  return [...facts, ...usageFacts(run)];
}

export function usageFacts(run: Run): { name: string; value: string }[] {
  const { tags } = run.data;
  const facts: { name: string; value: string }[] = [];
  const seconds = numberOf(tags["assay.cpu_seconds"]);
  if (seconds !== null) facts.push({ name: messages.exit.cpu, value: formatDuration(seconds * 1000) });
  const bytes = numberOf(tags["assay.peak_memory_bytes"]);
  if (bytes !== null) facts.push({ name: messages.exit.memory, value: formatBytes(bytes) });
  return facts;
}
