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
  selected: (count: number) => `${count} selected`,
} as const;
