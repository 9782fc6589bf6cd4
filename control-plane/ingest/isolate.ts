/** A poison row must not take its neighbours along: halves a failing batch until the culprit stands alone. */

/**
 * Runs `commit` over all; where it fails with an error of the data, over both halves, and so on; a single item that
 * still fails goes to `giveUp`. Results keep the order. At most 2·log2(n) further commits per poison row.
 * @throws whatever is not an error of the data, at once.
 */
export async function commitIsolating<T, R>(
  items: readonly T[],
  commit: (items: readonly T[]) => Promise<readonly R[]>,
  giveUp: (item: T, error: unknown) => Promise<R>,
  isDataError: (error: unknown) => boolean,
): Promise<readonly R[]> {
  try {
    return await commit(items);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [only] = items;
    if (items.length === 1 && only !== undefined) return [await giveUp(only, error)];
    const middle = Math.ceil(items.length / 2);
    const first = await commitIsolating(items.slice(0, middle), commit, giveUp, isDataError);
    const second = await commitIsolating(items.slice(middle), commit, giveUp, isDataError);
    return [...first, ...second];
  }
}

/** SQLSTATE classes that the same data will meet again: data, integrity, program limit, unsupported. */
const DATA_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54', '0A']);
const MAX_CAUSES = 5;

/**
 * Whether trying the same again is pointless. Everything unknown counts as passing, so that an outage of a new kind
 * delays messages and never throws them away.
 */
export function isDataError(error: unknown): boolean {
  let current: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if (current instanceof TypeError || current instanceof RangeError) return true;
    const code = 'code' in current ? current.code : undefined;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return DATA_CLASSES.has(code.slice(0, 2));
    if (code === 'conflict') return true;
    current = current.cause;
  }
  return false;
}
