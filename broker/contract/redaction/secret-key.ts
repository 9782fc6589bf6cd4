/** Which names are names of secrets: `DB_PASSWORD`, `x-api-key`, `clientSecret`; and which only look so: `max_tokens`. Pure. */

import { DASH, DOT, endOfRun, startOfRun } from './characters.ts';

/** `password`: whatever stands there is secret. `opaque`: what looks random is. */
export type Secrecy = 'password' | 'opaque';

/** Longer names are no names. */
export const MOST_KEY = 64;

const PASSWORD =
  /(?:password|passwd|passphrase|passwort|kennwort|passcode|pwd|psk|userpass|dbpass|db_pass|_pass)$/;
const OPAQUE =
  /(?:secret|token|apikey|credential|credentials|authorization|(?:api|access|secret|private|signing|signature|encryption|master|account|storage|shared|sharedaccess|service|ssh|auth|app|application|client|consumer|license|licence|deploy|webhook|hmac|decryption|wrapping|subscription|function|integration|write|admin|root|recovery|host|session|user|db|data|crypt|crypto|cipher|pgp|gpg|rsa|aes|jwt|wireguard|wg|preshared|pre_shared|instrumentation|sas)[_.-]?key|secret_key_base|sessionid|session_id|phpsessid|sid|auth|_?authtoken|client_assertion|code_verifier|refresh_jwt|(?:^|[_.-])jwt|bearer|otp_seed|totp|connectionstring|connection_string)$/;
/** What may follow the secret word without making it something else. */
const SUFFIX =
  /[_.-]?(?:\d{1,3}|value|plain|plaintext|raw|old|new|current|hash|b64|base64|data|confirmation|confirm|string|text|again|repeat)$/;

/** @param key as written, without quotes; dashes and dots around it (`--token`) do not count. */
export function secrecyOf(key: string): Secrecy | null {
  const end = startOfRun(key, key.length, DASH | DOT);
  const start = endOfRun(key, 0, DASH | DOT, end);
  if (end === start || end - start > MOST_KEY) return null;
  const lower = key.slice(start, end).toLowerCase();
  return named(lower) ?? named(lower.replace(SUFFIX, ''));
}

function named(key: string): Secrecy | null {
  if (key === 'pass' || PASSWORD.test(key)) return 'password';
  return OPAQUE.test(key) ? 'opaque' : null;
}
