/** Links as MLflow's clients print them (`/#/experiments/1/runs/abc`), led to the pages here. */

const RULES: [RegExp, (found: RegExpMatchArray) => string][] = [
  [
    /^#\/experiments\/([^/?]+)\/runs\/([^/?]+)\/artifacts\/([^?]+)/,
    (m) => `runs/${m[2]}?tab=files&path=${m[3]}`,
  ],
  [/^#\/experiments\/([^/?]+)\/runs\/([^/?]+)/, (m) => `runs/${m[2]}`],
  [/^#\/experiments\/([^/?]+)\/models\/([^/?]+)/, (m) => `logged-models/${m[2]}`],
  [/^#\/experiments\/([^/?]+)/, (m) => `experiments/${m[1]}`],
  [/^#\/models\/([^/?]+)\/versions\/([^/?]+)/, (m) => `models/${m[1]}/${m[2]}`],
  [/^#\/models\/([^/?]+)/, (m) => `models/${m[1]}`],
  [/^#\/models\/?$/, () => "models"],
];

/** The path here for the hash of an MLflow link; null for any other hash. */
export function fromMlflowLink(hash: string): string | null {
  for (const [pattern, to] of RULES) {
    const found = hash.match(pattern);
    if (found) return to(found);
  }
  return null;
}
