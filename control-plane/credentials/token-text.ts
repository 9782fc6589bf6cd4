/** Which texts are looked at as a JWT at all: what a library would overlook is refused before it sees it. Pure. */

/** Longer ones are refused; a token of a provider with many roles has some 3,000 characters. */
export const MAX_TOKEN_CHARACTERS = 16_384;
/** Whatever else a header says (jwk, jku, x5u, x5c, crit, b64, zip …) tries to choose the key or the rules. */
const HEADER_FIELDS: ReadonlySet<string> = new Set(['alg', 'kid', 'typ', 'x5t', 'x5t#S256']);
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/** Three parts of base64url without padding; known header fields; no name twice in header or claims. */
export function isPlainToken(text: string): boolean {
  if (text.length > MAX_TOKEN_CHARACTERS) return false;
  const [, header = '', payload = ''] = COMPACT.exec(text) ?? [];
  const fields = namesOf(header);
  return fields?.every((name) => HEADER_FIELDS.has(name)) === true && namesOf(payload) !== null;
}

/** Names of the object at the top, where it has none twice; null for what is no such object. */
function namesOf(part: string): readonly string[] | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'));
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
    const names = Object.keys(parsed);
    return countNames(text) === names.length ? names : null;
  } catch {
    // No base64, no UTF-8 or no JSON: no token.
    return null;
  }
}

/** How many names stand at the first level of an object; `text` is valid JSON. */
function countNames(text: string): number {
  let depth = 0;
  let names = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (token === ':' && depth === 1) names += 1;
  }
  return names;
}
