/** JSON as PostgreSQL writes a jsonb value: the text that the hash of an audit row is made of. Pure. */

/**
 * Keys by length in bytes, then by bytes; `, ` and `: `; numbers without exponent.
 * @throws RangeError for what JSON cannot hold
 */
export function jsonText(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`;
  if (typeof value !== 'object') throw new RangeError(`${typeof value} is no JSON`);
  const entries = Object.entries(value)
    .map(([key, item]) => ({ key, bytes: Buffer.from(key), item: item as unknown }))
    .sort((left, right) => left.bytes.length - right.bytes.length || Buffer.compare(left.bytes, right.bytes));
  return `{${entries.map(({ key, item }) => `${stringText(key)}: ${jsonText(item)}`).join(', ')}}`;
}

/** JSON.stringify escapes the same characters in the same way, but for DEL, which both leave alone. */
const stringText = (text: string): string => JSON.stringify(text);

/** `1e+21` is `1000000000000000000000`, `1.5e-7` is `0.00000015`. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is no JSON`);
  const text = String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const exponent = Number(power);
  const digits = whole + fraction;
  return exponent >= 0
    ? `${sign}${digits.padEnd(whole.length + exponent, '0')}`
    : `${sign}0.${'0'.repeat(-exponent - whole.length)}${digits}`;
}
