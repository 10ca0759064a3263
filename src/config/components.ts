/**
 * Returns the strongly connected components of a graph: nodes that can reach each other get the
 * same number. Runs in linear time (Tarjan's algorithm, without recursion).
 *
 * @param next where each node leads to; nodes that lead nowhere may be missing
 */
export function components<Node>(next: ReadonlyMap<Node, readonly Node[]>): Map<Node, number> {
  const found = new Map<Node, number>();
  /** The order in which nodes were visited. */
  const order = new Map<Node, number>();
  /** The order of the earliest node on the path that a node leads back to. */
  const earliest = new Map<Node, number>();
  /** Nodes that were visited and have no number yet. */
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
      // It leads back to no earlier node: it and all nodes after it are one component.
      for (const one of open.splice(open.lastIndexOf(node))) found.set(one, count);
      count++;
    }
  }
  return found;
}
