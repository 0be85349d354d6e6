/** Words of the experiment page's frame. */
export const messages = {
  experiments: "Experiments",
  several: (count: number) => `${count} experiments`,
  tabs: { table: "Runs", charts: "Charts", compare: "Compare" },
  copyLink: "Copy a link to this view",
  description: "Description",
  unknown: "This experiment does not exist",
  unknownHint: "It may have been deleted for good, or the link is wrong.",
  toHome: "All experiments",
  deleted: "deleted",
  colours: "Colours of the runs",
  colouredBy: "Coloured by",
  clearColours: "Each run its own colour",
  noValue: "no value",
  facts: { status: "Status", user_id: "User" },
  figure: ({ stat, of }: { stat?: string; of?: number | null }) =>
    [stat?.replace("_", " "), of ?? []].flat().join(" "),
  runs: (count: number) => `${count.toLocaleString()} ${count === 1 ? "run" : "runs"}`,
  moreValues: (count: number) => `and ${count.toLocaleString()} more`,
  selected: (count: number) => `${count} selected`,
} as const;
