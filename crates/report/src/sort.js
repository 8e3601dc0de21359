// Headers sort their table; without this every table is readable in its own order.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const cell = (row) => row.cells[column].textContent.trim();
      const number = (text) => parseFloat(text.replaceAll(",", ""));
      const order = (one, other) => {
        const [a, b] = [number(cell(one)), number(cell(other))];
        return Number.isNaN(a) || Number.isNaN(b) ? cell(one).localeCompare(cell(other)) : a - b;
      };
      const rows = [...table.tBodies[0].rows].sort(order);
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    });
  });
}
