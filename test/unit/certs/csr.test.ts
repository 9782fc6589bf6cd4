/** Requests: those of other tools are read alike, weak or unproved ones refused, mutated ones never break anything. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { CsrError, createCsr, createKeyPair, parseCsr } from '#certs/csr';
import { openOpenssl } from '../../support/openssl.ts';
import { Pkcs10CertificateRequest } from '../../support/second-x509.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const openssl = openOpenssl();
afterAll(() => openssl[Symbol.dispose]());

const pemOf = (output: string): string =>
  /-----BEGIN CERTIFICATE REQUEST-----[\s\S]+?-----END CERTIFICATE REQUEST-----\n/.exec(output)?.[0] ?? '';

function opensslCsr(newKey: string, options: string[] = [], digest = '-sha256'): string {
  const args = [
    'req',
    '-new',
    '-nodes',
    '-newkey',
    newKey,
    ...options,
    digest,
    '-keyout',
    'key.pem',
    '-subj',
    '/CN=x',
  ];
  return pemOf(openssl.run(...args).output);
}

const reasonOf = (pem: string): string => {
  try {
    parseCsr(pem);
    return 'accepted';
  } catch (error) {
    return error instanceof CsrError ? error.reason : `unexpected: ${String(error)}`;
  }
};

const toPem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
const toDer = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

describe('createCsr', () => {
  it('is verified by OpenSSL and by a second library', async () => {
    const pem = createCsr(createKeyPair().privateKeyPem);
    expect(openssl.run('req', '-verify', '-noout', '-in', openssl.put('own.csr', pem)).output).toContain(
      'verify OK',
    );
    expect(await new Pkcs10CertificateRequest(pem).verify()).toBe(true);
    expect(parseCsr(pem).keyThumbprint).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('parseCsr', () => {
  it.each([
    ['P-256', 'ec', ['-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['P-384', 'ec', ['-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['RSA of 2048 bits', 'rsa:2048', []],
    ['Ed25519', 'ed25519', []],
  ])('accepts %s of the openssl command', (_name, newKey, options) => {
    expect(reasonOf(opensslCsr(newKey, options))).toBe('accepted');
  });

  it('accepts a digest of 384 bits', () => {
    expect(reasonOf(opensslCsr('ec', ['-pkeyopt', 'ec_paramgen_curve:P-384'], '-sha384'))).toBe('accepted');
  });

  it.each([
    ['RSA of 1024 bits', 'rsa:1024', [], '-sha256', 'key'],
    ['an RSA exponent of 3', 'rsa:2048', ['-pkeyopt', 'rsa_keygen_pubexp:3'], '-sha256', 'key'],
    ['P-521', 'ec', ['-pkeyopt', 'ec_paramgen_curve:P-521'], '-sha256', 'key'],
    ['secp256k1', 'ec', ['-pkeyopt', 'ec_paramgen_curve:secp256k1'], '-sha256', 'key'],
    [
      'explicit curve parameters',
      'ec',
      ['-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
      '-sha256',
      'key',
    ],
    ['Ed448', 'ed448', [], '-sha256', 'key'],
    ['SHA-1', 'rsa:2048', [], '-sha1', 'algorithm'],
    ['MD5', 'rsa:2048', [], '-md5', 'algorithm'],
    ['RSA-PSS', 'rsa:2048', ['-sigopt', 'rsa_padding_mode:pss'], '-sha256', 'algorithm'],
  ])('refuses %s', (_name, newKey, options, digest, reason) => {
    const pem = opensslCsr(newKey, options, digest);
    expect(pem).toContain('BEGIN CERTIFICATE REQUEST');
    expect(reasonOf(pem)).toBe(reason);
  });

  it.each([
    ['nothing', '', 'not_pem'],
    [
      'text after the padding',
      `${createCsr(createKeyPair().privateKeyPem).split('-----END')[0] ?? ''}AAAA=\nAAAA\n-----END CERTIFICATE REQUEST-----\n`,
      'not_pem',
    ],
    ['another label', '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n', 'not_pem'],
    ['text that is no DER', toPem(Buffer.from('hello')), 'not_der'],
    ['an empty sequence', toPem(Buffer.from('3000', 'hex')), 'structure'],
    ['more than 8 kB', `${createCsr(createKeyPair().privateKeyPem)}${'\n'.repeat(8192)}`, 'too_large'],
    ['1,000 nested sequences', toPem(nested(1000)), 'not_der'],
  ])('refuses %s', (_name, pem, reason) => expect(reasonOf(pem)).toBe(reason));

  it('refuses a request whose signer does not hold the key', () => {
    const mine = toDer(createCsr(createKeyPair().privateKeyPem));
    const theirs = toDer(createCsr(createKeyPair().privateKeyPem));
    // Both keys are P-256: their 65-byte points lie at the same place.
    const at = mine.indexOf(Buffer.from('034200', 'hex')) + 3;
    theirs.copy(mine, at, at, at + 65);
    expect(reasonOf(toPem(mine))).toBe('signature');
  });

  it('refuses trailing bytes and a longer spelling of a length', () => {
    const der = toDer(createCsr(createKeyPair().privateKeyPem));
    expect(reasonOf(toPem(Buffer.concat([der, Buffer.of(0)])))).toBe('not_der');
    expect(der[1]).toBe(0x81);
    const longer = Buffer.concat([Buffer.of(0x30, 0x82, 0), der.subarray(2)]);
    expect(reasonOf(toPem(longer))).toBe('not_der');
  });

  it('survives thousands of mutated requests quickly: each ends in CsrError, or is a key that OpenSSL accepts too', () => {
    const random = seededRandom(20261123);
    const seeds = [
      toDer(createCsr(createKeyPair().privateKeyPem)),
      toDer(opensslCsr('rsa:2048')),
      toDer(opensslCsr('ed25519')),
    ];
    const outcomes = new Map<string, number>();
    let slowestMs = 0;
    for (let round = 0; round < 4000; round += 1) {
      const seed = seeds[round % seeds.length] ?? Buffer.alloc(0);
      const pem = toPem(mutate(seed, random));
      const start = performance.now();
      const reason = reasonOf(pem);
      slowestMs = Math.max(slowestMs, performance.now() - start);
      outcomes.set(reason, (outcomes.get(reason) ?? 0) + 1);
      if (reason === 'accepted') {
        const file = openssl.put('mutant.csr', pem);
        expect(openssl.run('req', '-verify', '-noout', '-in', file).output, pem).toContain('verify OK');
      }
    }
    expect([...outcomes.keys()].filter((reason) => reason.startsWith('unexpected'))).toEqual([]);
    expect(outcomes.get('not_der') ?? 0).toBeGreaterThan(100);
    expect(outcomes.get('signature') ?? 0).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(1000);
  });
});

/** One to four changes of the kinds that break parsers: bits, lengths, cuts, doubled and swapped parts. */
function mutate(seed: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(seed);
  const pick = (limit: number): number => Math.floor(random() * limit);
  for (let count = 1 + pick(4); count > 0 && bytes.length > 4; count -= 1) {
    const at = pick(bytes.length);
    const kind = pick(6);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
    else if (kind === 1) bytes[at] = [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff][pick(6)] ?? 0;
    else if (kind === 2) bytes = bytes.subarray(0, at + 1);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(pick(bytes.length))]);
    else if (kind === 4)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(0x30, 0x84, 0x7f), bytes.subarray(at)]);
    else bytes[bytes.length - 1 - pick(Math.min(64, bytes.length))] = pick(256);
  }
  return bytes;
}

function nested(depth: number): Buffer {
  let inner = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) {
    const { length } = inner;
    const header =
      length < 128
        ? [0x30, length]
        : length < 256
          ? [0x30, 0x81, length]
          : [0x30, 0x82, length >> 8, length & 255];
    inner = Buffer.concat([Buffer.from(header), inner]);
  }
  return inner;
}

describe('createKeyPair', () => {
  it('makes P-256 keys that node:crypto reads', () => {
    const { privateKeyPem, publicKeyPem } = createKeyPair();
    expect(privateKeyPem).toContain('BEGIN PRIVATE KEY');
    expect(publicKeyPem).toContain('BEGIN PUBLIC KEY');
    expect(() => new X509Certificate(publicKeyPem)).toThrow();
    expect(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.asymmetricKeyDetails?.namedCurve,
    ).toBe('prime256v1');
  });
});
