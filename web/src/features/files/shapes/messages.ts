/** Words of the views of shapes. They are read in a worker too, so nothing of a page is imported here. */

const many = (count: number) => count.toLocaleString();

export const messages = {
  about: (points: number, triangles: number) =>
    triangles ? `${many(points)} points, ${many(triangles)} triangles` : `${many(points)} points`,
  extent: (size: string) => `Extent ${size}`,
  keys: "Drag or use the arrow keys to turn it, + and − to zoom, 0 to begin anew.",
  drawn: (what: string, path: string) => `${what} of ${path}, drawn in space`,
  cut: (points: number, total: number) =>
    total > points
      ? `The first ${many(points)} of ${many(total)} points are drawn.`
      : "The file is long: only its beginning is drawn.",
  cutTriangles: (shown: number, total: number) => `${many(shown)} of ${many(total)} triangles are drawn.`,
  tooMuch: "The triangles are too large to draw all of them at this zoom.",
  reset: "Begin anew",
  upright: (axis: string) => `Upright: ${axis}`,
  row: "row",
  notPly: "This is not a PLY file: it has no header of one.",
  badHeader: "The header holds something that PLY does not know.",
  badCount: "The header gives a number of points or faces that is none.",
  lyingCount: (what: string, count: number, most: number) =>
    `The header promises ${many(count)} of “${what.slice(0, 60)}”, but there is room for ${many(most)} at most.`,
  badList: "A face claims more corners than the file has room for.",
  noCoordinates: "Its points have no x, y and z.",
  noPoints: "There are no points in it.",
  notPoints: "Only arrays of N × 3 to N × 6 plain numbers are drawn as points.",
  columnsCut: "The array is kept column by column and too large to be read whole.",
  unreadable: "The file could not be read as a shape.",
} as const;
