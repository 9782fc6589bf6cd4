/** Codes of authenticator apps (RFC 6238: SHA-1, 6 digits, 30 s, which is what every app speaks) and recovery codes. Pure. */
import { Secret, TOTP } from 'otpauth';
import { hashSecret, type RandomBytes } from './secrets.ts';

export const TOTP_SECRET_BYTES = 20;
const PERIOD_MS = 30_000;
/** Clocks of phones: one step early or late. */
const DRIFT_STEPS = 1;
const ISSUER = 'Ops-Center Edge';
export const RECOVERY_CODES = 10;
/** 80 bits, so that a plain hash is all that must be kept. */
const RECOVERY_BYTES = 10;
/** Crockford's: nothing that is read as something else. */
const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RECOVERY_CHARS = 16;

const totpOf = (secret: Uint8Array, label: string): TOTP =>
  new TOTP({
    issuer: ISSUER,
    label,
    algorithm: 'SHA1',
    digits: 6,
    period: PERIOD_MS / 1000,
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }),
  });

export interface TotpSetup {
  /** Base32. */
  readonly secret: string;
  readonly uri: string;
}

export function setupOf(secret: Uint8Array, email: string): TotpSetup {
  const totp = totpOf(secret, email);
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/** The 30 s step whose code this is, of the present one and its neighbours; null where it is none of them. */
export function stepOf(secret: Uint8Array, code: string, now: Date): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const delta = totpOf(secret, '').validate({ token: code, timestamp: now.getTime(), window: DRIFT_STEPS });
  return delta === null ? null : Math.floor(now.getTime() / PERIOD_MS) + delta;
}

/** `XXXX-XXXX-XXXX-XXXX` each. */
export const makeRecoveryCodes = (random: RandomBytes): string[] =>
  Array.from({ length: RECOVERY_CODES }, () => {
    let bits = BigInt(`0x${Buffer.from(random(RECOVERY_BYTES)).toString('hex')}`);
    let text = '';
    for (let index = 0; index < RECOVERY_CHARS; index += 1) {
      text = BASE32[Number(bits & 31n)] + text;
      bits >>= 5n;
    }
    return text.replace(/(.{4})(?!$)/g, '$1-');
  });

/** Case, hyphens and blanks do not count, nor what is easily misread; null for what can be no recovery code. */
export function recoveryCodeHash(typed: string): string | null {
  const text = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return text.length === RECOVERY_CHARS && [...text].every((char) => BASE32.includes(char))
    ? hashSecret(text)
    : null;
}
