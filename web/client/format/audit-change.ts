/** What an audit row changed, field by field, as text. Pure. */

export interface AuditChange {
  readonly field: string;
  /** Null: was not there. */
  readonly before: string | null;
  readonly after: string | null;
  /** Its value is not kept; that it changed is. */
  readonly isMasked: boolean;
}

/** What the server writes in the place of a secret. */
const MASK = '[redacted:';

/** In the order of their names; fields that are the same on both sides are masked ones. */
export function auditChanges(before: unknown, after: unknown): AuditChange[] {
  const [old, next] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...old.keys(), ...next.keys()])].sort().map((field) => {
    const texts = { before: textOf(old, field), after: textOf(next, field) };
    return { field, ...texts, isMasked: isMasked(texts.before) || isMasked(texts.after) };
  });
}

/** Without what stands in the columns of its own. */
export function otherDetail(detail: unknown): Readonly<Record<string, unknown>> {
  const { before: _before, after: _after, code: _code, ...others } = Object.fromEntries(fieldsOf(detail));
  return others;
}

function textOf(fields: ReadonlyMap<string, unknown>, name: string): string | null {
  if (!fields.has(name)) return null;
  const value = fields.get(name);
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1);
}

const isMasked = (text: string | null): boolean => text?.includes(MASK) ?? false;

const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>(
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [],
  );
