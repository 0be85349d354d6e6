/** Words about reproductions. */
import { formatCount, formatNumber } from "@/ui/format";

export const messages = {
  verdicts: {
    identical: "Reproduced: identical",
    "within tolerance": "Reproduced: within tolerance",
    different: "Reproduced: different",
  },
  verdictHint: "Running it again came to this; opens the report",
  results: {
    identical: "identical",
    "within tolerance": "within tolerance",
    different: "different",
    "not compared": "not compared",
  },
  reproduces: "Reproduces",

  report: "Reproduction",
  sentences: {
    identical: "Run again, it came to the very same.",
    "within tolerance": "Run again, it came to the same within the tolerance.",
    different: "Run again, it came to something else.",
  },
  original: "Original",
  again: "Run again as",
  command: "Command",
  environment: "Environment",
  tolerance: "Tolerance",
  exact: "none: bit for bit",
  tolerances: (relative: number, absolute: number) =>
    [
      relative ? `${formatNumber(relative)} relative` : "",
      absolute ? `${formatNumber(absolute)} absolute` : "",
    ]
      .filter(Boolean)
      .join(" + "),
  when: "When",
  took: "Took",
  compare: "Compare the two runs",
  notes: "What couldn't be made as it was",

  causes: "Why",
  causesHint: "What differs in how the two came about, the likeliest cause first.",
  noCauses: "Nothing that was captured differs.",
  dimensions: {
    code: "Code",
    data: "Data",
    parameters: "Params",
    seeds: "Seeds",
    packages: "Packages",
    python: "Python",
    threads: "Threads",
    environment: "Environment",
    hardware: "Hardware",
  } as Record<string, string>,
  bisectHint: "To find which of them it is, each is swapped alone through runs:",

  findings: "What was compared",
  nothingCompared: "Nothing was logged that could be compared.",
  onlyTelling: "Only what isn't identical",
  kinds: { metric: "Metric", param: "Param", artifact: "File", model: "Model", data: "Data" },
  kind: "Kind",
  name: "Name",
  result: "Result",
  detail: "Detail",
  before: "Before",
  now: "Now",
  distance: "Largest distance",
  showMore: (count: number) => `Show ${formatCount(count)} more`,
  counted: (count: number, result: string) => `${formatCount(count)} ${result}`,

  others: "All times it was run again",
  noVerdict: "no verdict",
} as const;
