/** Names as other tools write them, made into names of the contract; and globs over them. Pure, linear. */

const MAX_TYPE = 50;
const MAX_LABEL_NAME = 40;

/** Lower case, `_` for whatever is not allowed; null where no letter comes first or it is too long. */
export function metricTypeOf(name: string): string | null {
  if (name.length > MAX_TYPE) return null;
  const normal = name.toLowerCase().replace(/[^a-z0-9_.-]/g, '_');
  return /^[a-z]/.test(normal) ? normal : null;
}

/** `_` for whatever is not allowed, and before a leading digit; null when empty or too long. */
export function labelNameOf(name: string): string | null {
  const normal = name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=[0-9])/, '_');
  return normal === '' || normal.length > MAX_LABEL_NAME ? null : normal;
}

/** `*` stands for any characters, also none. Steps back to the last star only: at most name × pattern steps. */
export function matchesGlob(pattern: string, name: string): boolean {
  let [at, inPattern, star, afterStar] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern++;
      afterStar = at;
    } else if (pattern[inPattern] === name[at]) {
      inPattern += 1;
      at += 1;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++afterStar;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}

/** One of the names is included by a pattern (or there are no patterns), and none is excluded. */
export const passesFilter = (
  names: readonly string[],
  { include, exclude = [] }: { readonly include?: readonly string[]; readonly exclude?: readonly string[] },
): boolean => {
  const isNamed = (globs: readonly string[]): boolean =>
    globs.some((glob) => names.some((name) => matchesGlob(glob, name)));
  return (include === undefined || isNamed(include)) && !isNamed(exclude);
};
