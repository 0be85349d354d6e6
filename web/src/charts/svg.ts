/** A plot as SVG: the same lines on the same ranges, for papers. Texts are escaped: names come from anybody. */
import type { Line, Mark } from "./lines";
import { backward, forward, type Range, type Scale } from "./ranges";

export interface SvgRequest {
  title: string;
  lines: Line[];
  marks: Mark[];
  x: Range;
  y: Range;
  right: Range;
  xScale: Scale;
  yScale: Scale;
  knee: number;
  band: boolean;
  writeX: (value: number) => string;
  writeY: (value: number) => string;
}

const WIDTH = 720;
const PLOT_HEIGHT = 360;
const LEFT = 64;
const TOP = 34;
const RIGHT = 64;
const TICKS = 6;
const LEGEND_ROW = 16;
const MOST_IN_LEGEND = 40;

const SIGNS: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeXml(text: string): string {
  const kept = Array.from(text).filter((sign) =>
    sign >= " " ? sign !== "\ufffe" && sign !== "\uffff" : "\t\n\r".includes(sign),
  );
  // Signs that XML has no place for at all are left out.
  return kept.join("").replace(/[&<>"']/g, (sign) => SIGNS[sign]!);
}

const px = (value: number) => value.toFixed(1);

function path(
  line: Line,
  values: Float64Array,
  toX: (v: number) => number,
  toY: (v: number) => number,
): string {
  let out = "";
  let open = false;
  for (let i = 0; i < values.length; i++) {
    const y = toY(values[i]!);
    const x = toX(line.x[i]!);
    if (!Number.isFinite(y) || !Number.isFinite(x)) {
      open = false;
      continue;
    }
    // Where the axis runs backwards the run was started again.
    const back = i > 0 && line.x[i]! < line.x[i - 1]!;
    out += `${open && !back ? "L" : "M"}${px(x)} ${px(y)}`;
    open = true;
  }
  return out;
}

function bandPath(line: Line, toX: (v: number) => number, toY: (v: number) => number): string {
  const forth: string[] = [];
  const back: string[] = [];
  for (let i = 0; i < line.x.length; i++) {
    const low = toY(line.low![i]!);
    const high = toY(line.high![i]!);
    if (!Number.isFinite(low) || !Number.isFinite(high)) continue;
    forth.push(`${px(toX(line.x[i]!))} ${px(high)}`);
    back.unshift(`${px(toX(line.x[i]!))} ${px(low)}`);
  }
  return forth.length ? `M${[...forth, ...back].join("L")}Z` : "";
}

export function toSvg(request: SvgRequest): string {
  const { lines, xScale, yScale, knee } = request;
  const right = WIDTH - RIGHT;
  const bottom = TOP + PLOT_HEIGHT;
  const along = (range: Range, scale: Scale, from: number, to: number) => {
    const place = forward(scale, knee);
    const low = place(range[0]);
    const stretch = (to - from) / (place(range[1]) - low);
    return (value: number) => from + (place(value) - low) * stretch;
  };
  const toX = along(request.x, xScale, LEFT, right);
  const toY = along(request.y, yScale, bottom, TOP);
  const toRight = along(request.right, yScale, bottom, TOP);
  const ticks = (range: Range, scale: Scale) => {
    const to = forward(scale, knee);
    const from = backward(scale, knee);
    const [low, high] = [to(range[0]), to(range[1])];
    return Array.from({ length: TICKS }, (_, i) => from(low + ((high - low) * i) / (TICKS - 1)));
  };
  const listed = lines.slice(0, MOST_IN_LEGEND);
  const height = bottom + 34 + listed.length * LEGEND_ROW + 8;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<clipPath id="plot"><rect x="${LEFT}" y="${TOP}" width="${right - LEFT}" height="${PLOT_HEIGHT}"/></clipPath>`,
    `<text x="${LEFT}" y="20" font-size="14" font-weight="600">${escapeXml(request.title)}</text>`,
  ];
  const tickText = (value: number, range: Range, write: (v: number) => string) => {
    const size = Math.max(Math.abs(range[0]), Math.abs(range[1]));
    return escapeXml(write(Math.abs(value) < size * 1e-12 ? 0 : value));
  };
  for (const value of ticks(request.x, xScale)) {
    const x = px(toX(value));
    parts.push(`<line x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}" stroke="#ddd"/>`);
    parts.push(
      `<text x="${x}" y="${bottom + 16}" text-anchor="middle" fill="#555">${tickText(value, request.x, request.writeX)}</text>`,
    );
  }
  for (const value of ticks(request.y, yScale)) {
    const y = px(toY(value));
    parts.push(`<line x1="${LEFT}" x2="${right}" y1="${y}" y2="${y}" stroke="#ddd"/>`);
    parts.push(
      `<text x="${LEFT - 6}" y="${y}" dy="4" text-anchor="end" fill="#555">${tickText(value, request.y, request.writeY)}</text>`,
    );
  }
  if (lines.some((line) => line.right)) {
    for (const value of ticks(request.right, yScale)) {
      parts.push(
        `<text x="${right + 6}" y="${px(toRight(value))}" dy="4" fill="#555">${tickText(value, request.right, request.writeY)}</text>`,
      );
    }
  }
  parts.push(`<g clip-path="url(#plot)" fill="none">`);
  for (const mark of request.marks.filter((one) => one.y === null)) {
    const x = px(toX(mark.x));
    parts.push(
      `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}" stroke="${escapeXml(mark.colour)}" stroke-dasharray="2 3"><title>${escapeXml(mark.label)}</title></line>`,
    );
  }
  for (const line of lines) {
    const place = line.right ? toRight : toY;
    const colour = escapeXml(line.colour);
    if (request.band && line.low && line.high) {
      parts.push(`<path d="${bandPath(line, toX, place)}" fill="${colour}" fill-opacity="0.16"/>`);
    }
    if (line.raw)
      parts.push(`<path d="${path(line, line.raw, toX, place)}" stroke="${colour}" stroke-opacity="0.28"/>`);
    const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
    parts.push(
      `<path d="${path(line, line.y, toX, place)}" stroke="${colour}" stroke-width="${line.width}"${dash}/>`,
    );
  }
  for (const mark of request.marks) {
    const y = mark.y === null ? Number.NaN : (mark.right ? toRight : toY)(mark.y);
    if (!Number.isFinite(y)) continue;
    parts.push(
      `<circle cx="${px(toX(mark.x))}" cy="${px(y)}" r="5" fill="#fff" stroke="${escapeXml(mark.colour)}"><title>${escapeXml(mark.label)}</title></circle>`,
    );
  }
  parts.push("</g>");
  listed.forEach((line, i) => {
    const y = bottom + 38 + i * LEGEND_ROW;
    const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
    parts.push(
      `<line x1="${LEFT}" x2="${LEFT + 22}" y1="${y}" y2="${y}" stroke="${escapeXml(line.colour)}" stroke-width="${line.width}"${dash}/>`,
      `<text x="${LEFT + 30}" y="${y}" dy="4">${escapeXml(line.label)}</text>`,
    );
  });
  parts.push("</svg>");
  return parts.join("\n");
}
