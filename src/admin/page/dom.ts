/** The element with this id. @throws if there is none, which is a defect */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found as T;
}

/** Creates an element. Strings become text, never markup, wherever they come from. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Sets a text only if it differs, so that a selection stays. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** An IPv4 address with its port, or a port alone. */
const UNBROKEN = /(?:(?<![\w.])\d{1,3}(?:\.\d{1,3}){3})?:\d{1,5}(?![\w:.])/g;

/** Sets a text in which ports and short addresses are not broken over two lines. */
function setAddresses(node: Element, text: string): void {
  if (node.textContent === text) return;
  const parts: (Node | string)[] = [];
  let end = 0;
  for (const { 0: address, index } of text.matchAll(UNBROKEN)) {
    parts.push(text.slice(end, index), element("span", { class: "unbroken" }, address));
    end = index + address.length;
  }
  if (end === 0) node.textContent = text;
  else node.replaceChildren(element("span", {}, ...parts, text.slice(end)));
}

/** Sets the names and values of a definition list; elements that fit are kept. */
export function setPairs(list: HTMLElement, pairs: readonly (readonly [string, string])[]): void {
  const same =
    list.children.length === pairs.length &&
    pairs.every(([name], index) => list.children[index]?.firstChild?.textContent === name);
  if (!same) {
    list.replaceChildren(
      ...pairs.map(([name]) => element("div", {}, element("dt", {}, name), element("dd"))),
    );
  }
  for (const [index, [, value]] of pairs.entries()) {
    const shown = list.children[index]?.lastChild;
    if (shown !== null && shown !== undefined) setText(shown, value);
  }
}

/** A row of a table: a unique key, and the cells. */
export interface Row {
  readonly key: string;
  readonly cells: readonly string[];
}

/**
 * Sets the rows of a table. Rows with the same key stay, and with them the focus.
 *
 * @param make creates a row with an empty cell for each text
 */
export function setRows(
  body: HTMLElement,
  rows: readonly Row[],
  make: (row: Row) => HTMLTableRowElement,
): void {
  const before = new Map(
    Array.from(body.children, (one) => [(one as HTMLElement).dataset.key ?? "", one]),
  );
  let place: Element | null = body.firstElementChild;
  for (const row of rows) {
    let shown = before.get(row.key) as HTMLTableRowElement | undefined;
    before.delete(row.key);
    if (shown === undefined) {
      shown = make(row);
      shown.dataset.key = row.key;
    }
    if (shown === place) place = place.nextElementSibling;
    else body.insertBefore(shown, place);
    for (const [index, text] of row.cells.entries()) {
      const cell = shown.cells[index];
      const target = cell?.querySelector("button") ?? cell;
      if (target !== undefined && target !== null) setAddresses(target, text);
    }
  }
  for (const gone of before.values()) gone.remove();
}

/** A row for an empty table. */
export function emptyRow(text: string, columns: number): HTMLTableRowElement {
  const cell = element("td", { colspan: String(columns), class: "empty" }, text);
  return element("tr", {}, cell);
}
