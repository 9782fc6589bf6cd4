/** Files that a pattern names, and the rotated siblings of a file. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MAX_FILES, MAX_GLOB_NAMES } from './limits.ts';
import { hasWildcard, matchesWildcard } from './wildcard.ts';

/** What rotation programs pack: it cannot be gone on with from an offset. */
/** What rotation programs add to a name: numbers, dates, a word. */
const ROTATED = /^(?:[._-](?:\d[\dTZ:]{0,20}|old|bak|prev|last|log))+$/;
const PACKED = /\.(?:gz|bz2|xz|zst|lz4|zip|tmp)$/i;

/** Regular files, links followed, at most 200 in the order of their names; never packed ones. */
export async function filesOf(pattern: string): Promise<string[]> {
  let budget = MAX_GLOB_NAMES;
  let folders = ['/'];
  const names = pattern.split('/').filter((name) => name !== '');
  for (const [index, name] of names.entries()) {
    const isLast = index === names.length - 1;
    const next: string[] = [];
    for (const folder of folders) {
      if (!hasWildcard(name)) {
        next.push(join(folder, name));
        continue;
      }
      for (const found of await readdir(folder).catch(() => [])) {
        budget -= 1;
        if (budget < 0) break;
        if (matchesWildcard(name, found) && !(isLast && PACKED.test(found))) next.push(join(folder, found));
      }
    }
    folders = next;
  }
  const sorted = folders.sort();
  const regular = await Promise.all(sorted.slice(0, 2 * MAX_FILES).map(isRegular));
  return sorted.filter((_, index) => regular[index] === true).slice(0, MAX_FILES);
}

/** Whether `other` is what rotation makes of `path`: `app.log.1`, `app.log-20261123`, `app.log.old`. Pure. */
export const isRotatedName = (path: string, other: string): boolean =>
  other.startsWith(path) && ROTATED.test(other.slice(path.length, path.length + 64));

/** Pattern matches that are no rotated sibling of another path. Pure. */
export const withoutRotated = (found: readonly string[], known: readonly string[]): string[] =>
  found.filter((path) => ![...found, ...known].some((other) => other !== path && isRotatedName(other, path)));

/** Unpacked files beside `path` that rotation may have made of it, also with a number before the suffix: `app-1.log`. */
export async function siblingsOf(path: string): Promise<string[]> {
  const name = basename(path);
  const stem = name.replace(/\.[^.]*$/, '');
  const found = await readdir(dirname(path)).catch(() => []);
  return found
    .filter((other) => other !== name && !PACKED.test(other))
    .filter((other) => isRotatedName(name, other) || (stem !== '' && isRotatedName(stem, other)))
    .slice(0, MAX_FILES)
    .map((other) => join(dirname(path), other));
}

const isRegular = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
