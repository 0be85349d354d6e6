// Sorts a table by the column whose heading is pressed; numbers as numbers, empty cells last.
"use strict";

// "1,024" and "1.5 s" are numbers too.
function number(text) {
  return Number(text.replace(/,/g, "").replace(/ s$/, ""));
}

function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const x = number(a), y = number(b);
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
}

function sortBy(table, column, heading) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const text = (row) => row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  rows.sort((r, s) => {
    const order = compare(text(r), text(s));
    const empty = text(r) === "" || text(s) === "";
    return descending && !empty ? -order : order;
  });
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...[...table.tHead.rows].at(-1).cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, column, heading));
    heading.append(button);
  });
}
