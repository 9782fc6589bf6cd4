/** Takes secrets out of what an audit row says: by the name of their field, and by the form of their value. Pure. */
import { createRedactor, markerOf } from '#contract/redaction';

/** Addresses and e-mails are what a record is kept of; card numbers are not in it, and serials look like them. */
const redactor = createRedactor({ rules: [], disabled_builtin: ['email', 'iban', 'payment-card'] });

/** Whatever stands there is a secret; `token_id`, `key_prefix` and numbers of them are none. */
const SECRET_NAME =
  /(?:^|[_.-])(?:pass(?:word|wd|phrase)?|secrets?|tokens?|api_?keys?|private_?keys?|client_?secret|credentials?|authorization|cookies?|csr|totp|otp|recovery_codes?|codes?_?verifier|data_?key|plaintext|ciphertext)$/;
/** Values nested deeper are not shown. */
const MOST_DEPTH = 8;
/** Of one text, and entries of one object or list: a row is evidence, not a copy. */
const MOST_TEXT = 4096;
const MOST_ENTRIES = 200;
/** Of the whole as JSON. */
const MOST_JSON = 64 * 1024;

/** What a hidden value is shown as. */
export const MASK = markerOf('secret-field');

export function maskSecrets(detail: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const masked = redactor.json(maskObject(detail, 0)) as Record<string, unknown>;
  return JSON.stringify(masked).length <= MOST_JSON ? masked : { shortened: Object.keys(masked) };
}

function mask(value: unknown, depth: number): unknown {
  // The database takes neither U+0000 nor half a character.
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd').slice(0, MOST_TEXT).toWellFormed();
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MOST_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, MOST_ENTRIES).map((item) => mask(item, depth + 1));
  return maskObject(value as Record<string, unknown>, depth);
}

function maskObject(value: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const entries = Object.entries(value).slice(0, MOST_ENTRIES);
  return Object.fromEntries(
    entries.map(([name, item]) => [
      String(mask(name, depth)),
      isSecret(name, item) ? MASK : mask(item, depth + 1),
    ]),
  );
}

function isSecret(name: string, value: unknown): boolean {
  if (value === null || value === '' || (typeof value !== 'string' && typeof value !== 'object'))
    return false;
  const snake = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return SECRET_NAME.test(snake);
}
