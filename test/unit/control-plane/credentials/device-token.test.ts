import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeProtectedHeader, importPKCS8, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DEVICE_TOKEN_LIFE_MS,
  type DeviceTokens,
  openDeviceTokens,
  thumbprintOf,
} from '../../../../control-plane/credentials/device-token.ts';

const subject = {
  deviceId: '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a001',
  orgId: '0b6f3a1e-58a1-4c8e-9a44-0f3a1be5a002',
  orgSlug: 'acme',
  certificateSerial: 'ab12',
  certificateThumbprint: Buffer.alloc(32, 7).toString('base64url'),
};
let now = new Date('2026-11-23T06:00:00Z');
let dir: string;
let tokens: DeviceTokens;
let good: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'device-token-'));
  tokens = await openDeviceTokens({ dir, now: () => now });
  good = (await tokens.issue(subject)).token;
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const keyPem = () => readFile(join(dir, 'device-token.key'), 'utf8');
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decodePart = (part: number) =>
  JSON.parse(Buffer.from(good.split('.')[part] ?? '', 'base64url').toString());

/** A token that is right but for what is changed, signed with the real key. */
async function forge(
  changes: { header?: object; claims?: object; without?: string },
  signer?: Parameters<SignJWT['sign']>[0],
): Promise<string> {
  const { header = {}, claims = {}, without } = changes;
  const payload = { ...decodePart(1), ...claims };
  if (without !== undefined) delete payload[without];
  return new SignJWT(payload)
    .setProtectedHeader({ ...decodePart(0), ...header })
    .sign(signer ?? (await importPKCS8(await keyPem(), 'EdDSA')), { crit: { exp2: true } });
}

describe('openDeviceTokens', () => {
  it('gives back what it was given, for an hour', async () => {
    const { token, expiresAt } = await tokens.issue(subject);
    expect(expiresAt.getTime()).toBe(now.getTime() + DEVICE_TOKEN_LIFE_MS);
    await expect(tokens.verify(token)).resolves.toEqual({ ...subject, expiresAt });
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA', typ: 'JWT' });
  });

  it('keeps its key for itself, and two processes that start together agree on it', async () => {
    const shared = await mkdtemp(join(tmpdir(), 'device-token-'));
    const all = await Promise.all(
      Array.from({ length: 8 }, () => openDeviceTokens({ dir: shared, now: () => now })),
    );
    const first = await all[0]?.issue(subject);
    for (const other of all) await expect(other.verify(first?.token ?? '')).resolves.toMatchObject(subject);
    expect(await readdir(shared)).toEqual(['device-token.key']);
    expect((await stat(join(shared, 'device-token.key'))).mode & 0o777).toBe(0o600);
    await rm(shared, { recursive: true });
  });

  it('accepts the control of the forgeries below', async () => {
    await expect(tokens.verify(await forge({}))).resolves.toMatchObject(subject);
  });

  const forgeries: [string, () => Promise<string> | string][] = [
    ['an empty text', () => ''],
    ['no token', () => 'hello'],
    ['two parts', () => good.split('.').slice(0, 2).join('.')],
    ['a fourth part', () => `${good}.${encode({})}`],
    ['leading blanks', () => ` ${good}`],
    ['a very long text', () => `${good}${'A'.repeat(10_000)}`],
    ['alg none', () => `${encode({ ...decodePart(0), alg: 'none' })}.${good.split('.')[1]}.`],
    [
      'alg None with the old signature',
      () => `${encode({ ...decodePart(0), alg: 'None' })}.${good.split('.').slice(1).join('.')}`,
    ],
    [
      'HS256 with the public key as PEM',
      async () => {
        const pem = createPublicKey(await keyPem()).export({ type: 'spki', format: 'pem' });
        return forge({ header: { alg: 'HS256' } }, new TextEncoder().encode(pem.toString()));
      },
    ],
    [
      'HS256 with the public key as DER',
      async () => {
        const der = createPublicKey(await keyPem()).export({ type: 'spki', format: 'der' });
        return forge({ header: { alg: 'HS256' } }, new Uint8Array(der));
      },
    ],
    [
      'ES256 with a key of its own',
      () =>
        forge({ header: { alg: 'ES256' } }, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    ['another Ed25519 key', () => forge({}, generateKeyPairSync('ed25519').privateKey)],
    [
      'another Ed25519 key in the header',
      () =>
        forge(
          { header: { jwk: generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) } },
          generateKeyPairSync('ed25519').privateKey,
        ),
    ],
    ['a wrong kid', () => forge({ header: { kid: 'other' } })],
    ['a kid that is a path', () => forge({ header: { kid: '../../../dev/null' } })],
    ['a kid that is SQL', () => forge({ header: { kid: "' OR 1=1 --" } })],
    ['no kid', () => forge({ header: { kid: undefined } })],
    ['an unknown critical extension', () => forge({ header: { crit: ['exp2'], exp2: 1 } })],
    ['another typ', () => forge({ header: { typ: 'at+jwt' } })],
    ['another issuer', () => forge({ claims: { iss: 'urn:edge:other' } })],
    ['no issuer', () => forge({ without: 'iss' })],
    ['another audience', () => forge({ claims: { aud: 'urn:edge:console' } })],
    ['no audience', () => forge({ without: 'aud' })],
    ['no end', () => forge({ without: 'exp' })],
    ['an end that is text', () => forge({ claims: { exp: '9999999999' } })],
    ['an end in the past', () => forge({ claims: { exp: now.getTime() / 1000 - 1 } })],
    [
      'a far end, issued long ago',
      () => forge({ claims: { iat: now.getTime() / 1000 - 7200, exp: now.getTime() / 1000 + 7200 } }),
    ],
    ['an issue date in the future', () => forge({ claims: { iat: now.getTime() / 1000 + 600 } })],
    ['nbf in the future', () => forge({ claims: { nbf: now.getTime() / 1000 + 600 } })],
    ['no subject', () => forge({ without: 'sub' })],
    ['a subject that is no UUID', () => forge({ claims: { sub: '#' } })],
    ['no organisation', () => forge({ without: 'org' })],
    ['a slug with a slash', () => forge({ claims: { org_slug: 'acme/x' } })],
    ['no certificate', () => forge({ without: 'cnf' })],
    ['a thumbprint of another length', () => forge({ claims: { cnf: { 'x5t#S256': 'abc' } } })],
    [
      'a swapped organisation',
      () =>
        `${good.split('.')[0]}.${encode({ ...decodePart(1), org: subject.deviceId })}.${good.split('.')[2]}`,
    ],
    ['a signature cut short', () => good.slice(0, -4)],
    [
      'a signature with one bit turned',
      () => `${good.slice(0, -10)}${good.at(-10) === 'A' ? 'B' : 'A'}${good.slice(-9)}`,
    ],
  ];
  it.each(forgeries)('refuses %s', async (_sentence, make) => {
    await expect(tokens.verify(await make())).rejects.toMatchObject({ code: 'auth.required' });
  });

  it('refuses a token from the second on at which it ends', async () => {
    const { token, expiresAt } = await tokens.issue(subject);
    const before = now;
    now = new Date(expiresAt.getTime() - 1000);
    await expect(tokens.verify(token)).resolves.toMatchObject(subject);
    now = expiresAt;
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'auth.required' });
    now = before;
  });
});

describe('thumbprintOf', () => {
  it.each([
    ['hex', '07'.repeat(32), subject.certificateThumbprint],
    ['hex with colons, as node:tls has it', '07:'.repeat(32).slice(0, -1), subject.certificateThumbprint],
    ['base64url', subject.certificateThumbprint, subject.certificateThumbprint],
    ['anything else', 'abc', null],
  ])('reads %s', (_sentence, text, expected) => {
    expect(thumbprintOf(text)).toBe(expected);
  });
});
