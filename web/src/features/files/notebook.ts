/** A Jupyter notebook (nbformat 3 and 4) as plain cells; what does not look like one is left out. */

export type Output =
  | { kind: "text"; text: string; error: boolean }
  | { kind: "picture"; src: string; text: string }
  | { kind: "left-out"; text: string };

export interface Cell {
  kind: "markdown" | "code" | "raw";
  source: string;
  count: string;
  outputs: Output[];
}

type Record_ = Record<string, unknown>;
const isRecord = (value: unknown): value is Record_ =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Texts are one string, or a list of lines. */
function joined(value: unknown): string {
  if (typeof value === "string") return value;
  return list(value)
    .filter((part) => typeof part === "string")
    .join("");
}

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const BASE64 = /^[A-Za-z0-9+/=\s]+$/;

function outputOf(value: unknown): Output | null {
  if (!isRecord(value)) return null;
  if (value.output_type === "stream") {
    return { kind: "text", text: joined(value.text), error: value.name === "stderr" };
  }
  if (value.output_type === "error" || value.output_type === "pyerr") {
    const lines = list(value.traceback).filter((line) => typeof line === "string");
    const text = lines.length ? lines.join("\n") : `${value.ename}: ${value.evalue}`;
    return { kind: "text", text, error: true };
  }
  const data = isRecord(value.data) ? value.data : value;
  const plain = joined(data["text/plain"] ?? data.text);
  const type = PICTURES.find((one) => typeof data[one] === "string" || Array.isArray(data[one]));
  if (type) {
    const content = joined(data[type]);
    if (BASE64.test(content)) {
      return { kind: "picture", src: `data:${type};base64,${content.replace(/\s/g, "")}`, text: plain };
    }
  }
  if (data["text/html"] !== undefined || !plain) return { kind: "left-out", text: plain };
  return { kind: "text", text: plain, error: false };
}

/** The cells of a notebook; null if it is none. */
export function readNotebook(value: unknown): { cells: Cell[]; language: string } | null {
  if (!isRecord(value)) return null;
  const sheets = list(value.worksheets).filter(isRecord);
  const cells = Array.isArray(value.cells) ? value.cells : sheets.flatMap((sheet) => list(sheet.cells));
  if (!cells.length && value.nbformat === undefined) return null;
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const info = isRecord(metadata.language_info) ? metadata.language_info : {};
  const language = typeof info.name === "string" ? info.name : "python";
  return {
    language,
    cells: cells.filter(isRecord).map((cell) => ({
      kind: cell.cell_type === "markdown" ? "markdown" : cell.cell_type === "code" ? "code" : "raw",
      source: joined(cell.source ?? cell.input),
      count: typeof cell.execution_count === "number" ? String(cell.execution_count) : " ",
      outputs: list(cell.outputs).flatMap((one) => outputOf(one) ?? []),
    })),
  };
}
