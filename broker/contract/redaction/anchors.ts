/** Finds all anchors of all rules in one pass (Aho-Corasick over folded ASCII), so that an ordinary line costs a walk. Pure. */

/** A state is named by the first place of its row, so that a step is one look-up: `next[row + class]`. */
export const ROW_BITS = 6;
const WIDTH = 1 << ROW_BITS;

export interface AnchorTable {
  readonly next: Uint16Array;
  /** Per code < 128; 0 = in no anchor. */
  readonly classes: Uint8Array;
  /** Per state (row >> ROW_BITS): indices of the anchors that end here, the longest first. */
  readonly outputs: readonly (readonly number[])[];
  readonly hasOutput: Uint8Array;
}

interface Node {
  readonly edges: Map<number, number>;
  readonly outputs: number[];
  fail: number;
}

/** @param anchors lower-case ASCII, each ≥ 1 character. */
export function buildAnchorTable(anchors: readonly string[]): AnchorTable {
  const { classes, count } = classesOfAnchors(anchors);
  const nodes = trieOf(anchors, classes);
  if (count >= WIDTH || nodes.length > 65_536 / WIDTH) throw new Error('too many anchors for the table');
  const next = new Uint16Array(nodes.length * WIDTH);
  const queue = [0];
  for (let state = queue.shift(); state !== undefined; state = queue.shift()) {
    const node = nodes[state] as Node;
    for (let symbol = 0; symbol < WIDTH; symbol += 1) {
      const child = node.edges.get(symbol);
      const fallback = state === 0 ? 0 : (next[node.fail * WIDTH + symbol] as number);
      next[state * WIDTH + symbol] = child === undefined ? fallback : child * WIDTH;
      if (child === undefined) continue;
      const childNode = nodes[child] as Node;
      childNode.fail = fallback >> ROW_BITS;
      childNode.outputs.push(...(nodes[childNode.fail] as Node).outputs);
      queue.push(child);
    }
  }
  const outputs = nodes.map((node) => node.outputs);
  return { next, classes, outputs, hasOutput: Uint8Array.from(outputs, (list) => (list.length > 0 ? 1 : 0)) };
}

function classesOfAnchors(anchors: readonly string[]): { classes: Uint8Array; count: number } {
  const classes = new Uint8Array(128);
  let count = 0;
  for (const char of new Set(anchors.join(''))) {
    const code = char.charCodeAt(0);
    if (code >= 128) throw new Error(`anchor with a character outside ASCII: ${char}`);
    count += 1;
    classes[code] = count;
    if (code >= 97 && code <= 122) classes[code - 32] = count;
  }
  return { classes, count };
}

function trieOf(anchors: readonly string[], classes: Uint8Array): Node[] {
  const nodes: Node[] = [{ edges: new Map(), outputs: [], fail: 0 }];
  anchors.forEach((anchor, index) => {
    let state = 0;
    for (const char of anchor) {
      const symbol = classes[char.charCodeAt(0)] as number;
      const node = nodes[state] as Node;
      let child = node.edges.get(symbol);
      if (child === undefined) {
        child = nodes.push({ edges: new Map(), outputs: [], fail: 0 }) - 1;
        node.edges.set(symbol, child);
      }
      state = child;
    }
    (nodes[state] as Node).outputs.push(index);
  });
  return nodes;
}
