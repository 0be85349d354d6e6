/** A panel taken away: as a picture, as numbers, or as code that makes it again. */

import { inks } from "@/charts/inks";
import type { Plot } from "@/charts/plot";
import type { PlotView } from "@/charts/plotView";
import { kneeOf } from "@/charts/ranges";
import { toSvg } from "@/charts/svg";
import { formatNumber } from "@/ui/format";
import type { ChartState, PanelSpec } from "./state";
import { settingsOf } from "./usePanel";
import { formatPlace } from "./values";

const HEAD_PX = 28;
const ROW_PX = 18;
const MOST_IN_LEGEND = 30;

/** A file name of harmless letters. */
export function fileName(title: string, ending: string): string {
  const safe = title
    .normalize("NFKD")
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  return `${safe.slice(0, 80) || "chart"}.${ending}`;
}

export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has its own hold of the content by the next turn.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The picture as it is on the screen, with its title above and the names of lines below. */
export function savePng(plot: Plot, view: PlotView, title: string): void {
  const picture = plot.canvas;
  if (!picture) return;
  const ratio = window.devicePixelRatio;
  const listed = view.lines.slice(0, MOST_IN_LEGEND);
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height + (HEAD_PX + listed.length * ROW_PX + 8) * ratio;
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const ink = inks();
  ctx.fillStyle = ink.raised;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = ink.text;
  ctx.font = `600 ${13 * ratio}px sans-serif`;
  ctx.fillText(title, 8 * ratio, 19 * ratio);
  ctx.drawImage(picture, 0, HEAD_PX * ratio);
  ctx.font = `${11 * ratio}px sans-serif`;
  listed.forEach((line, i) => {
    const y = picture.height + (HEAD_PX + 10 + i * ROW_PX) * ratio;
    ctx.strokeStyle = line.colour;
    ctx.lineWidth = line.width * ratio;
    ctx.setLineDash(line.dash.map((length) => length * ratio));
    ctx.beginPath();
    ctx.moveTo(10 * ratio, y);
    ctx.lineTo(34 * ratio, y);
    ctx.stroke();
    ctx.fillText(line.label, 42 * ratio, y + 4 * ratio);
  });
  canvas.toBlob((blob) => blob && save(blob, fileName(title, "png")));
}

export function saveSvg(plot: Plot, view: PlotView, title: string): void {
  const { x, y, r } = plot.shown;
  const svg = toSvg({
    title,
    lines: view.lines,
    marks: view.marks,
    x,
    y,
    right: r,
    xScale: view.xScale,
    yScale: view.yScale,
    knee: view.yScale === "symlog" ? kneeOf(view.lines.map((line) => line.y)) : 1,
    band: view.band,
    writeX: (value) => formatPlace(value, view.placeKind),
    writeY: formatNumber,
  });
  save(new Blob([svg], { type: "image/svg+xml" }), fileName(title, "svg"));
}

/** A cell of CSV; texts that a spreadsheet would take for a formula get a quote in front. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toCsv(view: PlotView): string {
  const rows = ["line,run_id,x,value,smoothed,low,high,points,step,timestamp_ms"];
  for (const line of view.lines) {
    const head = `${cell(line.label)},${line.runId ?? ""}`;
    for (let i = 0; i < line.x.length; i++) {
      const columns = [
        line.x[i],
        (line.raw ?? line.y)[i],
        line.raw ? line.y[i] : "",
        line.low?.[i] ?? "",
        line.high?.[i] ?? "",
        line.n?.[i] ?? "",
        line.steps?.[i] ?? "",
        line.times?.[i] ?? "",
      ];
      rows.push(`${head},${columns.join(",")}`);
    }
  }
  return `${rows.join("\n")}\n`;
}

export function saveCsv(view: PlotView, title: string): void {
  save(new Blob([toCsv(view)], { type: "text/csv" }), fileName(title, "csv"));
}

/** Python text of a string: JSON's escapes are Python's too. */
const python = (text: string) =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Surrogate pairs aren't characters in Python's `\u` form, so that text goes through JSON there as well. */
const pythonValue = (value: unknown) => `json.loads(${python(JSON.stringify(value))})`;

/** Code that draws the panel again from the server's data. */
export function toPython(request: {
  server: string;
  title: string;
  spec: PanelSpec;
  keys: string[];
  runs: { id: string; name: string }[];
  state: ChartState;
}): string {
  const { spec, state } = request;
  const { x, xScale, y, smooth } = settingsOf(state, spec);
  const names = Object.fromEntries(request.runs.map((run) => [run.id, run.name]));
  const place: Record<string, string> = {
    wall: "[datetime.fromtimestamp(point.timestamp / 1000) for point in points]",
    relative: "[(point.timestamp - points[0].timestamp) / 1000 for point in points]",
  };
  const ema = smooth === "ema" || smooth === "time-ema";
  const lines = [
    "import json",
    ...(x === "wall" ? ["from datetime import datetime"] : []),
    "",
    "import matplotlib.pyplot as plt",
    "from assay import Client",
    "",
    `client = Client(${python(request.server)})`,
    `runs = ${pythonValue(names)}`,
    `keys = ${pythonValue(request.keys)}`,
    ...(/^[me]:/.test(x) ? [`# Its horizontal axis shows, in place of steps: ${python(x.slice(2))}`] : []),
    ...(spec.expr ? [`# The panel shows an expression over these: ${python(spec.expr)}`] : []),
    "",
    "figure, axes = plt.subplots()",
    "for run_id, name in runs.items():",
    "    for key in keys:",
    "        points = client.get_metric_history(run_id, key)",
    "        if not points:",
    "            continue",
    `        x = ${place[x] ?? "[point.step for point in points]"}`,
    "        y = [point.value for point in points]",
    ...(ema
      ? [
          "        total = weight = 0.0",
          "        for place, value in enumerate(y):",
          `            total = total * ${settingsOf(state, spec).amount} + value * ${1 - settingsOf(state, spec).amount}`,
          `            weight = weight * ${settingsOf(state, spec).amount} + ${1 - settingsOf(state, spec).amount}`,
          "            y[place] = total / weight",
        ]
      : []),
    '        axes.plot(x, y, label=f"{name} {key}" if len(keys) > 1 else name)',
    ...(xScale !== "linear" ? [`axes.set_xscale("${xScale}")`] : []),
    ...(y !== "linear" ? [`axes.set_yscale("${y}")`] : []),
    `axes.set_title(${pythonValue(request.title)})`,
    "axes.legend()",
    "plt.show()",
  ];
  return `${lines.join("\n")}\n`;
}
