/** Wildcards of one name: `*`, `?`, `[a-z]`, `[!0-9]`. Linear in name × pattern; pure. */

export const hasWildcard = (pattern: string): boolean => /[*?[]/.test(pattern);

/** Unicode characters count as one; `*` and `?` match a leading dot only where the pattern begins with one. */
export function matchesWildcard(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const parts = partsOf(pattern);
  const characters = [...name];
  let part = 0;
  let at = 0;
  // Where to go on when what follows the last star does not match.
  let starPart = -1;
  let starAt = 0;
  while (at < characters.length) {
    const here = parts[part];
    if (here === '*') {
      starPart = part;
      starAt = at;
      part += 1;
    } else if (here?.(characters[at] ?? '')) {
      part += 1;
      at += 1;
    } else if (starPart >= 0) {
      part = starPart + 1;
      starAt += 1;
      at = starAt;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === '*');
}

/** Any of the patterns; an empty list matches nothing. */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matchesWildcard(pattern, name));

type Part = '*' | ((character: string) => boolean);

function partsOf(pattern: string): Part[] {
  const characters = [...pattern];
  const parts: Part[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    const close = character === '[' ? characters.indexOf(']', at + 2) : -1;
    if (close > 0) {
      parts.push(setOf(characters.slice(at + 1, close)));
      at = close;
    } else if (character === '*') parts.push('*');
    else parts.push(character === '?' ? () => true : (other) => other === character);
  }
  return parts;
}

function setOf(inside: readonly string[]): (character: string) => boolean {
  const isNegated = inside[0] === '!' || inside[0] === '^';
  const members = isNegated ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at] ?? '';
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (character) => ranges.some(([from, to]) => character >= from && character <= to) !== isNegated;
}
