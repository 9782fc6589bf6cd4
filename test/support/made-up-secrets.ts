/** Secrets by form: tokens, keys, cards, addresses, made up by dice; and the sentences they stand in. */
import { generateKeyPairSync } from 'node:crypto';

export class Dice {
  readonly random: () => number;
  constructor(random: () => number) {
    this.random = random;
  }
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
  text(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[this.below(alphabet.length)]).join('');
  }
}

export const LOWER = 'abcdefghijklmnopqrstuvwxyz';
export const UPPER = LOWER.toUpperCase();
export const DIGITS = '0123456789';
export const ALNUM = LOWER + UPPER + DIGITS;
export const BASE64 = `${ALNUM}+/`;
export const BASE64URL = `${ALNUM}-_`;
export const HEX = '0123456789abcdef';
export const WORDS =
  'amber basil cedar delta ember fjord grove heron inlet jolly karma lemon maple north ocean piano quartz river solar tiger'.split(
    ' ',
  );

export function password(dice: Dice): string {
  const word = (): string => dice.pick(WORDS);
  return dice.pick([
    () => `${word()}${dice.below(9000) + 1000}`,
    () => `${word()}-${word()}-${word()}`,
    () => `${word().toUpperCase()}_${word()}!${dice.below(99)}`,
    () => dice.text(ALNUM, 12 + dice.below(20)),
    () => dice.text(`${ALNUM}!#%^*+-_.~`, 16 + dice.below(8)).replace(/[.,!]$/, 'x'),
    () => `P@${word()}$${dice.below(900) + 100}`,
    () => `${word()}${word()}`,
  ])();
}

export const b64 = (text: string): string => Buffer.from(text).toString('base64');
export const b64url = (text: string): string => Buffer.from(text).toString('base64url');

export function jwt(dice: Dice): string {
  const header = b64url(JSON.stringify({ alg: dice.pick(['HS256', 'RS256', 'ES256', 'EdDSA']), typ: 'JWT' }));
  const payload = b64url(
    JSON.stringify({ sub: dice.text(HEX, 32), iss: 'edge', exp: 1_790_000_000 + dice.below(1e6) }),
  );
  return `${header}.${payload}.${dice.text(BASE64URL, 43)}`;
}

/** A key pair takes long; a body of the right form is as good. */
export function pem(dice: Dice): string {
  const label = dice.pick([
    'PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
  ]);
  if (label === 'PRIVATE KEY' && dice.random() < 0.2) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim();
  }
  const body = Array.from({ length: 2 + dice.below(8) }, () => dice.text(BASE64, 64));
  return [
    `-----BEGIN ${label}-----`,
    ...body,
    `${dice.text(BASE64, 18 + dice.below(40))}==`,
    `-----END ${label}-----`,
  ].join('\n');
}

/** Without the beginning that all keys of a curve share. */
export const bodyOf = (armour: string): string[] =>
  armour
    .split('\n')
    .filter((line) => !line.startsWith('-----'))
    .map((line) => (line.startsWith('MIGHAgEAMBMGByqGSM49') ? line.slice(40) : line));

export function card(dice: Dice): string {
  const [prefix, length] = dice.pick([
    ['4', 16],
    ['51', 16],
    ['55', 16],
    ['2221', 16],
    ['34', 15],
    ['37', 15],
    ['6011', 16],
    ['36', 14],
    ['3530', 16],
    ['4', 13],
    ['62', 19],
  ] as const);
  const digits = prefix + dice.text(DIGITS, length - prefix.length - 1);
  for (let check = 0; check < 10; check += 1) if (luhn(digits + check)) return digits + check;
  throw new Error('no check digit');
}

export function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

export function grouped(digits: string, separator: string): string {
  if (digits.length === 15)
    return [digits.slice(0, 4), digits.slice(4, 10), digits.slice(10)].join(separator);
  if (digits.length === 14)
    return [digits.slice(0, 4), digits.slice(4, 10), digits.slice(10)].join(separator);
  return (digits.match(/.{1,4}/g) ?? []).join(separator);
}

export function iban(dice: Dice): string {
  const account = dice.text(DIGITS, 18);
  let rest = 0n;
  rest = BigInt(`${account}131400`) % 97n;
  return `DE${String(98n - rest).padStart(2, '0')}${account}`;
}

export function email(dice: Dice): string {
  const name = dice.pick([
    () => `${dice.pick(WORDS)}.${dice.pick(WORDS)}`,
    () => `${dice.pick(WORDS)}${dice.below(1000)}`,
    () => `${dice.pick(WORDS)}+${dice.pick(WORDS)}`,
  ])();
  return `${name}@${dice.pick(['kunden-post', 'mail.werkstatt', 'firma-muster', 'post.uni-lab'])}.${dice.pick(['com', 'de', 'co.uk', 'io', 'org'])}`;
}

export const VENDOR: Readonly<Record<string, (dice: Dice) => string>> = {
  github: (dice) =>
    dice.pick([
      () => `${dice.pick(['ghp_', 'gho_', 'ghs_'])}${dice.text(ALNUM, 36)}`,
      () => `github_pat_${dice.text(ALNUM, 22)}_${dice.text(ALNUM, 59)}`,
    ])(),
  gitlab: (dice) => `${dice.pick(['glpat-', 'gldt-', 'glrt-'])}${dice.text(BASE64URL, 20)}`,
  slack: (dice) =>
    `${dice.pick(['xoxb', 'xoxp'])}-${dice.text(DIGITS, 12)}-${dice.text(DIGITS, 12)}-${dice.text(ALNUM, 24)}`,
  stripe: (dice) =>
    `${dice.pick(['sk_live_', 'rk_live_', 'sk_test_'])}${dice.text(ALNUM, 24 + dice.below(70))}`,
  google: (dice) =>
    dice.pick([() => `AIza${dice.text(BASE64URL, 34)}x`, () => `GOCSPX-${dice.text(ALNUM, 28)}`])(),
  npm: (dice) => `npm_${dice.text(ALNUM, 36)}`,
  'ai-key': (dice) =>
    dice.pick([
      () => `hf_${dice.text(ALNUM, 34)}`,
      () => `sk-proj-${dice.text(BASE64URL, 48)}`,
      () => `sk-ant-api03-${dice.text(BASE64URL, 60)}`,
      () => `nvapi-${dice.text(BASE64URL, 64)}`,
    ])(),
  azure: (dice) => `${dice.text(ALNUM, 3)}8Q~${dice.text(ALNUM, 34)}`,
  'platform-token': (dice) => `oce_${dice.text(ALNUM, 8)}_${dice.text(ALNUM, 40)}`,
  'vendor-other': (dice) =>
    dice.pick([
      () => `dop_v1_${dice.text(HEX, 64)}`,
      () => `SG.${dice.text(ALNUM, 22)}.${dice.text(ALNUM, 43)}`,
      () => `hvs.${dice.text(ALNUM, 24)}`,
      () => `dckr_pat_${dice.text(ALNUM, 27)}`,
      () => `glsa_${dice.text(ALNUM, 32)}_${dice.text(HEX, 8)}`,
    ])(),
};

/** A token inside what a program prints. */
export function inSentence(dice: Dice, secret: string): string {
  return dice.pick([
    (s: string) => `2026-11-23T06:12:01.123Z ERROR request failed with ${s}`,
    (s: string) => `could not log in using ${s}: 401 Unauthorized`,
    (s: string) => `+ curl -s https://api.example.com/v1/me?x=1 -H 'X-Auth: ${s}'`,
    (s: string) => `{"level":"debug","msg":"sending","value":"${s}","n":3}`,
    (s: string) => `config loaded (${s}), starting`,
    (s: string) => `Error: rejected\\n    at handler (${s})`,
    (s: string) => `[worker-3] <${s}> is about to expire`,
    (s: string) => `GET /callback?state=abc&code=${s}&x=2 HTTP/1.1" 302`,
    (s: string) => s,
  ])(secret);
}
