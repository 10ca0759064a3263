/**
 * Which nodes of a graph lead to each other, there and back: such ones get the same number. In a
 * time that grows with nodes and ways (Tarjan's algorithm, without calling itself).
 *
 * @param next where each node leads to; nodes without a way onward may be missing
 */
export function components<Node>(next: ReadonlyMap<Node, readonly Node[]>): Map<Node, number> {
  const found = new Map<Node, number>();
  /** The order in which nodes were come to. */
  const order = new Map<Node, number>();
  /** The earliest node on the way here that a node leads back to, as its order. */
  const earliest = new Map<Node, number>();
  /** Those that were come to and have no number yet. */
  const open: Node[] = [];
  const enter = (node: Node) => {
    order.set(node, order.size);
    earliest.set(node, order.size - 1);
    open.push(node);
    return { node, ways: (next.get(node) ?? [])[Symbol.iterator]() };
  };
  const lower = (node: Node, to: number) => {
    earliest.set(node, Math.min(earliest.get(node) ?? to, to));
  };
  let count = 0;
  for (const start of next.keys()) {
    if (order.has(start)) continue;
    const path = [enter(start)];
    for (let here = path.at(-1); here !== undefined; here = path.at(-1)) {
      const { node, ways } = here;
      const way = ways.next();
      if (way.done !== true) {
        if (!order.has(way.value)) path.push(enter(way.value));
        else if (!found.has(way.value)) lower(node, order.get(way.value) ?? 0);
        continue;
      }
      path.pop();
      const back = earliest.get(node) ?? 0;
      const before = path.at(-1);
      if (before !== undefined) lower(before.node, back);
      if (back !== order.get(node)) continue;
      // It leads back to nobody before it: it and all that came after it are one.
      for (const one of open.splice(open.lastIndexOf(node))) found.set(one, count);
      count++;
    }
  }
  return found;
}
