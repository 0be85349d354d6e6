/** Colours that programs print: ANSI escape sequences (ECMA-48, SGR), read into looks. All others are left out. */
import type { CSSProperties } from "react";
import type { Span } from "./spans";

export interface Look {
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
  /** A name of the eight, or `#rrggbb`. */
  colour?: string;
  ground?: string;
}

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const LEVELS = [0, 95, 135, 175, 215, 255];
// CSI sequences, OSC sequences (links, titles) up to their end, and two-character escapes.
const ESC = String.fromCharCode(27);
const BEL = String.fromCharCode(7);
const ESCAPE = new RegExp(
  `${ESC}(?:\\[([0-9:;<=>?]*)[ -/]*([@-~])|\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)?|[@-Z\\\\-_])|${ESC}`,
  "g",
);

const hex = (...parts: number[]) =>
  `#${parts.map((part) => Math.min(255, part).toString(16).padStart(2, "0")).join("")}`;

/** Number `index` of the palette of 256 colours. */
export function paletteColour(index: number): string {
  if (index < 16) return NAMES[index % 8] as string;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return hex(grey, grey, grey);
  }
  const cube = index - 16;
  return hex(
    LEVELS[Math.floor(cube / 36)] as number,
    LEVELS[Math.floor(cube / 6) % 6] as number,
    LEVELS[cube % 6] as number,
  );
}

/** The colour that follows 38 or 48, and how many numbers it took. */
function extended(numbers: number[], at: number): [string | undefined, number] {
  if (numbers[at] === 5) {
    const index = numbers[at + 1] ?? 256;
    return [index < 256 ? paletteColour(index) : undefined, 2];
  }
  if (numbers[at] === 2) {
    const [r, g, b] = numbers.slice(at + 1, at + 4);
    return [b === undefined ? undefined : hex(r as number, g as number, b), 4];
  }
  return [undefined, 1];
}

const ON: Record<number, Partial<Look>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  22: { bold: undefined, dim: undefined },
  23: { italic: undefined },
  24: { underline: undefined },
  27: { inverse: undefined },
  29: { strike: undefined },
  39: { colour: undefined },
  49: { ground: undefined },
};

/** The look after an SGR sequence with these parameters. */
export function applySgr(look: Look, parameters: string): Look {
  const numbers = parameters.split(/[;:]/).map((text) => Number(text || 0));
  let result = { ...look };
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] as number;
    if (number === 0) result = {};
    else if (number in ON) result = { ...result, ...ON[number] };
    else if (number === 38 || number === 48) {
      const [colour, used] = extended(numbers, i + 1);
      if (colour) result = { ...result, [number === 38 ? "colour" : "ground"]: colour };
      i += used;
    } else if (number >= 30 && number <= 37) result.colour = NAMES[number - 30];
    else if (number >= 40 && number <= 47) result.ground = NAMES[number - 40];
    else if (number >= 90 && number <= 97) result.colour = NAMES[number - 90];
    else if (number >= 100 && number <= 107) result.ground = NAMES[number - 100];
  }
  return result;
}

export const hasEscapes = (line: string) => line.includes(ESC);

/** The line without escapes: what a search looks at, and what is copied. */
export function plainLine(line: string): string {
  return hasEscapes(line) ? line.replace(ESCAPE, "") : line;
}

/** The look in which the line after this one begins. */
export function lookAfter(line: string, look: Look): Look {
  let result = look;
  for (const found of line.matchAll(ESCAPE)) {
    if (found[2] === "m") result = applySgr(result, found[1] ?? "");
  }
  return result;
}

/** Shades of a program's own colours that can be read on this theme's ground. */
function readable(colour: string): string {
  return `light-dark(oklch(from ${colour} min(l, 0.48) c h), oklch(from ${colour} max(l, 0.76) c h))`;
}

function spanOf(text: string, look: Look): Span {
  const names: string[] = [];
  for (const flag of ["bold", "dim", "italic", "underline", "strike"] as const) {
    if (look[flag]) names.push(flag);
  }
  const style: CSSProperties = {};
  const colour = look.inverse ? undefined : look.colour;
  const ground = look.inverse ? (look.colour ?? "currentColor") : look.ground;
  if (colour?.startsWith("#")) style.color = readable(colour);
  else if (colour) names.push(colour);
  if (ground) style.background = `color-mix(in srgb, ${ground} 16%, transparent)`;
  return {
    text,
    name: names.length ? names.join(" ") : undefined,
    style: ground || style.color ? style : undefined,
  };
}

/** A line in pieces with their looks, beginning in `look`. */
export function ansiSpans(line: string, look: Look = {}): Span[] {
  const spans: Span[] = [];
  let current = look;
  let at = 0;
  for (const found of line.matchAll(ESCAPE)) {
    if (found.index > at) spans.push(spanOf(line.slice(at, found.index), current));
    if (found[2] === "m") current = applySgr(current, found[1] ?? "");
    at = found.index + found[0].length;
  }
  if (at < line.length || !spans.length) spans.push(spanOf(line.slice(at), current));
  return spans;
}
