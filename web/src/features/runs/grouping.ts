/** What groups are called. */
import { parseColumn } from "@/features/experiment/columns";
import { messages } from "./messages";

/** The name of something that runs can be grouped by. */
export function groupLabel(id: string): string {
  if (id === "d:name") return messages.dataset.name;
  if (id === "d:digest") return messages.dataset.digest;
  const column = parseColumn(id);
  if (!column) return id;
  return column.kind === "attribute" ? (messages.attributes[column.key] ?? column.key) : column.key;
}

export function groupLabels(ids: string[] | undefined): string[] {
  return (ids ?? []).map(groupLabel);
}
