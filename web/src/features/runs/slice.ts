/** Which columns and rows are to be drawn for a place of the scroll bars. Pure. */
import { SELECT_WIDTH, type TableColumn } from "./tableColumns";

/** Columns that are drawn: the pinned ones at both ends, between them those in view and the room around them. */
export interface Slice {
  columns: TableColumn[];
  /** Of each column, its place among all. */
  places: number[];
  /** How many are pinned at the left. */
  pinned: number;
  /** Where those pinned at the right begin. */
  right: number;
  /** Distance of each pinned column from its edge; of no account for the others. */
  offsets: number[];
  before: number;
  after: number;
}

/** Columns drawn beyond the edges, in pixels. */
const BESIDE = 120;
/** Rows drawn above and below; a multiple of the step. */
const AROUND = 8;
/** Rows are drawn anew each time this many have passed. */
const STEP = 4;
/** Browsers draw no box that is much higher; beyond it the scroll bar is scaled. */
const HIGHEST = 15_000_000;
/** Columns are asked for in batches of this many, so that scrolling sideways asks seldom. */
const BATCH = 16;

export interface View {
  first: number;
  last: number;
  firstCol: number;
  lastCol: number;
}

/** The unpinned columns between two edges, as places among all. */
export function columnsInView(columns: TableColumn[], left: number, width: number): [number, number] {
  let x = 0;
  let first = -1;
  let last = -1;
  let pinned = SELECT_WIDTH;
  for (const one of columns) if (one.pinned) pinned += one.width;
  const room = Math.max(0, width - pinned);
  columns.forEach((column, place) => {
    if (column.pinned) return;
    const end = x + column.width;
    if (end >= left - BESIDE && x <= left + room + BESIDE) {
      if (first < 0) first = place;
      last = place;
    }
    x = end;
  });
  return [first, last];
}

export function sliceOf(columns: TableColumn[], firstCol: number, lastCol: number): Slice {
  const slice: Slice = { columns: [], places: [], pinned: 0, right: 0, offsets: [], before: 0, after: 0 };
  let left = SELECT_WIDTH;
  let right = columns.reduce((sum, one) => sum + (one.pinned === "right" ? one.width : 0), 0);
  columns.forEach((column, place) => {
    if (!column.pinned && place < firstCol) {
      slice.before += column.width;
      return;
    }
    if (!column.pinned && place > lastCol) {
      slice.after += column.width;
      return;
    }
    if (column.pinned === "right") right -= column.width;
    else slice.right += 1;
    slice.columns.push(column);
    slice.places.push(place);
    slice.offsets.push(column.pinned === "right" ? right : left);
    if (column.pinned !== "left") return;
    slice.pinned += 1;
    left += column.width;
  });
  return slice;
}

/** The columns whose cells are read for a view: those in it, filled up to whole batches. */
export function columnsToRead(columns: TableColumn[], firstCol: number, lastCol: number): TableColumn[] {
  const from = Math.floor(Math.max(0, firstCol) / BATCH) * BATCH;
  const to = Math.ceil((lastCol + 1) / BATCH) * BATCH;
  return columns.filter((one, place) => one.pinned || (place >= from && place < to));
}

/** Where rows stand under a scroll bar that may be shorter than they all are. */
export class Rail {
  readonly height: number;
  private readonly ratio: number;

  constructor(
    readonly size: number,
    readonly rowHeight: number,
    readonly room: number,
  ) {
    const whole = size * rowHeight;
    this.height = Math.min(whole, HIGHEST);
    this.ratio = whole > this.height ? (whole - room) / (this.height - room) : 1;
  }

  /** Whether positions depend on the scroll bar. */
  get scaled(): boolean {
    return this.ratio !== 1;
  }

  /** Distance of the first visible pixel from the first row's top. */
  private passed(scrollTop: number): number {
    return scrollTop * this.ratio;
  }

  rows(scrollTop: number): [number, number] {
    const top = this.passed(scrollTop);
    const above = Math.floor(top / this.rowHeight / STEP) * STEP - AROUND;
    const first = Math.max(0, Math.min(above, this.size - this.pool));
    return [first, Math.min(this.size, first + this.pool) - 1];
  }

  /**
   * How many rows are drawn, at the ends of the table too: a row that scrolls out leaves its elements to the one this
   * many further on, so that scrolling makes and drops none.
   */
  get pool(): number {
    return (Math.ceil(this.room / this.rowHeight / STEP) + 1) * STEP + 2 * AROUND;
  }

  /** The last row that is in sight. */
  lastSeen(scrollTop: number): number {
    return Math.ceil((this.passed(scrollTop) + this.room) / this.rowHeight) - 1;
  }

  /**
   * The rows of a view in the order of their elements: as they stand, but begun with the one whose elements were
   * first. An element that changes its place among the others would be styled and laid out anew with all in it.
   */
  inOrder(first: number, last: number, turn: number): number[] {
    const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
    const passed = (((turn - first) % this.pool) + this.pool) % this.pool;
    return [...rows.slice(passed), ...rows.slice(0, passed)];
  }

  topOf(row: number, scrollTop: number): number {
    const y = row * this.rowHeight;
    return this.scaled ? y - this.passed(scrollTop) + scrollTop : y;
  }

  /** The place of the scroll bar that shows a row, as near as possible to where it is. */
  scrollTo(row: number, scrollTop: number, above: number): number {
    const y = row * this.rowHeight;
    const top = this.passed(scrollTop);
    const room = this.room - above;
    if (y < top) return y / this.ratio;
    if (y + this.rowHeight > top + room) return (y + this.rowHeight - room) / this.ratio;
    return scrollTop;
  }
}
