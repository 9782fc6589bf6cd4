/** SQL as a forgetful author would have written it: without its conditions on the organisation. Pure. */

const QUALIFIED = String.raw`(?:"?\w+"?\.)?`;
/** Columns that say whose a row is, and the type of what they are compared with. */
const COLUMNS: readonly (readonly [string, string])[] = [
  [`${QUALIFIED}"?organization_id"?`, 'uuid'],
  [`${QUALIFIED}"?org_slug"?`, 'text'],
  [`${QUALIFIED}"?chain"?`, 'uuid'],
  [String.raw`coalesce\(organization_id, '[0-9a-f-]+'::uuid\)`, 'uuid'],
  [String.raw`"organizations"\."id"`, 'uuid'],
  [String.raw`"organizations"\."slug"`, 'text'],
];
/** Of statements that name no table but organisations. */
const BARE_ID = String.raw`(?<=\bFROM organizations WHERE (?:\$\d+::uuid\[\] IS NULL OR )?)id`;
/** Batches bring organisation and device together, and are joined by both. */
const JOINED: readonly RegExp[] = [
  /\bo\.slug = wanted\.org\b/g,
  /\bd\.organization_id = (?:i|input|wanted|m|c|move|row|r)\.(?:organization_id|org)\b/g,
];

export interface Stripped {
  readonly text: string;
  /** Conditions that are gone. */
  readonly removed: number;
}

/** Each parameter stays where it is, with its type, in a condition that always holds. */
export function withoutOrganization(text: string): Stripped {
  let removed = 0;
  let stripped = text;
  const strip = (pattern: RegExp, instead: (match: RegExpExecArray) => string): void => {
    stripped = stripped.replaceAll(pattern, (...found: unknown[]) => {
      const place = found.findLast((part) => typeof part === 'number') as number;
      const match = found.slice(0, found.indexOf(place)) as unknown as RegExpExecArray;
      if (isAssignment(stripped, place)) return match[0];
      removed += 1;
      return instead(match);
    });
  };
  for (const [column, type] of [...COLUMNS, [BARE_ID, 'uuid'] as const]) {
    const before = String.raw`(?<![\w".])${column}`;
    const cast = String.raw`(?:::\w+(?:\[\])?)?`;
    strip(new RegExp(String.raw`${before} = ANY \((\$\d+)${cast}\)`, 'gi'), always(`${type}[]`));
    strip(new RegExp(String.raw`${before} IS NOT DISTINCT FROM (\$\d+)${cast}`, 'gi'), always(type));
    strip(new RegExp(String.raw`${before} = (\$\d+)(?!\d)${cast}`, 'gi'), always(type));
    strip(new RegExp(String.raw`${before} in \((\$\d+(?:, ?\$\d+)*)\)`, 'gi'), always(type));
  }
  for (const pattern of JOINED) strip(pattern, () => 'true');
  return { text: stripped, removed };
}

const always =
  (type: string) =>
  ([, parameters = '']: readonly (string | undefined)[]): string =>
    `(num_nulls(${parameters
      .split(',')
      .map((parameter) => `${parameter.trim()}::${type}`)
      .join(', ')}) >= 0)`;

/** In what an UPDATE sets, a comparison is none. */
function isAssignment(text: string, place: number): boolean {
  const words = text.slice(0, place).match(/\b(set|where|on|and|or|when|select|from)\b/gi) ?? [];
  return words.at(-1)?.toLowerCase() === 'set';
}
