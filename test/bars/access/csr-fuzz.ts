/**
 * Bar C4: mutated certificate requests. Each ends in a CsrError or is a key that OpenSSL accepts too; none takes a
 * second or 64 MB; proof of possession holds; and what a good request wishes for is ignored.
 */
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, CsrError, createCsr, createKeyPair, openAuthority, parseCsr } from '#certs';
import {
  bitString,
  booleanTrue,
  context,
  contextBytes,
  decodeDer,
  encodeDer,
  octets,
  oid,
  sequence,
  set,
  smallInteger,
  toPem,
  utf8,
} from '../../../certs/der.ts';
import { OID } from '../../../certs/oids.ts';
import { runBar } from '../../support/bar.ts';
import { openOpenssl } from '../../support/openssl.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const REQUESTS = process.argv.includes('--long') ? 100_000 : 10_000;
const MOST_MS = 1000;
const MOST_BYTES = 64 * 1024 * 1024;
/** Between two looks at the memory. */
const LOOK_EVERY = 100;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SEED = 20_261_123;

await runBar(async () => {
  using openssl = openOpenssl();
  const dir = await mkdtemp(join(tmpdir(), 'edge-csr-'));
  try {
    const authority = await openAuthority({ dir });
    const random = seededRandom(SEED);
    const seeds = seedsOf();
    const figures = { slowestMs: 0, mostBytes: 0, crashes: 0, accepted: 0, doubtful: 0 };
    let before = process.memoryUsage().rss;
    for (let index = 0; index < REQUESTS; index += 1) {
      const seed = seeds[Math.floor(random() * seeds.length)] ?? '';
      const mutated = mutate(seed, seeds, random);
      const startedAt = performance.now();
      const isAccepted = tryParse(mutated, figures);
      figures.slowestMs = Math.max(figures.slowestMs, performance.now() - startedAt);
      if (isAccepted) {
        figures.accepted += 1;
        // What we take, OpenSSL must take, its proof of possession checked.
        if (!isVerifiedByOpenssl(openssl, mutated)) {
          figures.doubtful += 1;
        }
      }
      if (index % LOOK_EVERY === 0) {
        const now = process.memoryUsage().rss;
        figures.mostBytes = Math.max(figures.mostBytes, now - before);
        before = now;
      }
    }
    const wishes = wishesGranted(authority);
    const stolen = provedByOthers();
    for (const wish of wishes) console.log(`granted: ${wish}`);
    const { crashes, slowestMs, mostBytes, accepted, doubtful } = figures;
    console.log(`${accepted} still whole requests were accepted, by OpenSSL as well`);
    return {
      name: 'csr-fuzz',
      figure: `${REQUESTS} requests: ${crashes} crashes, slowest ${slowestMs.toFixed(0)} ms, most ${(mostBytes / 1024 / 1024).toFixed(0)} MB per ${LOOK_EVERY}, ${doubtful} accepted against OpenSSL, ${stolen} keys of others, ${wishes.length} wishes granted`,
      limit: `0, < ${MOST_MS} ms, < 64 MB, 0, 0, 0`,
      holds:
        crashes === 0 &&
        slowestMs < MOST_MS &&
        mostBytes < MOST_BYTES &&
        doubtful === 0 &&
        stolen === 0 &&
        wishes.length === 0,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

function tryParse(pem: string, figures: { crashes: number }): boolean {
  try {
    parseCsr(pem);
    return true;
  } catch (error) {
    if (!(error instanceof CsrError)) {
      figures.crashes += 1;
      console.log(`not a CsrError: ${String(error)}`);
    }
    return false;
  }
}

function isVerifiedByOpenssl(openssl: ReturnType<typeof openOpenssl>, pem: string): boolean {
  return openssl.run('req', '-in', openssl.put('request.pem', pem), '-noout', '-verify').code === 0;
}

/** Good requests of every kind of key, and one that wishes for everything. */
function seedsOf(): string[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const ed = generateKeyPairSync('ed25519');
  return [
    createCsr(createKeyPair().privateKeyPem),
    request(rsa, '1.2.840.113549.1.1.11', 'sha256', true),
    request(p384, '1.2.840.10045.4.3.3', 'sha384', false),
    request(ed, '1.3.101.112', null, false),
    request(generateKeyPairSync('ec', { namedCurve: 'P-256' }), OID.ecdsaWithSha256, 'sha256', false),
  ];
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Wishes for a subject of another, a CA flag, key usage of a CA, and another's names. */
function request(
  { publicKey, privateKey }: Keys,
  algorithm: string,
  digest: string | null,
  isRsa: boolean,
  proofBy = privateKey,
): string {
  const extension = (type: string, value: Parameters<typeof encodeDer>[0]) =>
    sequence(oid(type), booleanTrue(), octets(encodeDer(value)));
  const wishes = sequence(
    extension(OID.basicConstraints, sequence(booleanTrue())),
    extension(OID.keyUsage, bitString(Buffer.of(0x06), 1)),
    extension(
      OID.subjectAltName,
      sequence(
        contextBytes(6, Buffer.from('urn:edge:service:control-plane')),
        contextBytes(2, Buffer.from('evil')),
      ),
    ),
  );
  const subject = sequence(
    set(sequence(oid(OID.organization), utf8('rival'))),
    set(sequence(oid(OID.commonName), utf8('service/control-plane'))),
  );
  const info = sequence(
    smallInteger(0),
    subject,
    decodeDer(publicKey.export({ type: 'spki', format: 'der' })),
    context(0, [sequence(oid(EXTENSION_REQUEST), set(wishes))]),
  );
  const parameters = isRsa ? [decodeDer(Buffer.from('0500', 'hex'))] : [];
  const signature = sign(digest, encodeDer(info), proofBy);
  return toPem(
    'CERTIFICATE REQUEST',
    encodeDer(sequence(info, sequence(oid(algorithm), ...parameters), bitString(signature))),
  );
}

/** Bits, bytes, lengths and pieces changed, in the DER or in the text around it. */
function mutate(pem: string, seeds: readonly string[], random: () => number): string {
  const pick = (limit: number): number => Math.floor(random() * limit);
  const der = derOf(pem);
  const kind = pick(8);
  if (kind === 0) return pem.slice(0, pick(pem.length)) + pem.slice(pick(pem.length));
  if (kind === 1) return pem.replace('CERTIFICATE REQUEST', 'CERTIFICATE');
  const other = derOf(seeds[pick(seeds.length)] ?? '');
  const changes = 1 + pick(4);
  let bytes = Buffer.from(der);
  for (let change = 0; change < changes; change += 1) {
    const at = pick(bytes.length);
    if (kind === 2) bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
    else if (kind === 3) bytes[at] = pick(256);
    else if (kind === 4)
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + 1 + pick(20))),
      ]);
    else if (kind === 5)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(pick(400), pick(256)), bytes.subarray(at)]);
    else if (kind === 6) bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(pick(other.length))]);
    // A length that promises gigabytes, or nesting without an end.
    else
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(pick(2) === 0 ? '30847fffffff' : '3080'.repeat(1 + pick(800)), 'hex'),
        bytes.subarray(at),
      ]);
  }
  return toPem('CERTIFICATE REQUEST', bytes);
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64');
}

/** A request for a key that its sender does not hold. @returns how many came through */
function provedByOthers(): number {
  const victim = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = request(victim, OID.ecdsaWithSha256, 'sha256', false, thief.privateKey);
  return tryParse(pem, { crashes: 0 }) ? 1 : 0;
}

/** What the certificate has of what the request wished for. */
function wishesGranted(authority: Authority): string[] {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issued = authority.issue({
    csrPem: request(keys, OID.ecdsaWithSha256, 'sha256', false),
    subject: { commonName: 'acme/1', organization: 'acme', unit: 'device' },
    identityUri: 'urn:edge:acme:1',
    days: 10,
  });
  const certificate = new X509Certificate(issued.pem);
  const days = (issued.notAfter.getTime() - Date.now()) / 86_400_000;
  return [
    certificate.ca ? 'the CA flag' : '',
    certificate.subject.includes('rival') || certificate.subject.includes('service') ? 'the subject' : '',
    certificate.subjectAltName === 'URI:urn:edge:acme:1' ? '' : 'the alternative name',
    certificate.keyUsage.join() === '1.3.6.1.5.5.7.3.2' ? '' : 'the usage',
    days > 9.9 && days < 10.1 ? '' : 'the life',
    certificate.publicKey.equals(keys.publicKey) ? '' : 'another key',
  ].filter((wish) => wish !== '');
}
