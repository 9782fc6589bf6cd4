/** Certificate requests (PKCS#10): made by devices, read with distrust by the platform. Nothing but the key is taken. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import {
  type Asn1,
  bitString,
  bytesOf,
  context,
  contextItems,
  decodeDer,
  encodeDer,
  itemsOf,
  oid,
  oidOf,
  sequence,
  set,
  smallInteger,
  toPem,
  utf8,
} from './der.ts';
import { OID } from './oids.ts';

/** Largest request that is looked at; an RSA-8192 request of openssl has 3,200 characters. */
export const MAX_CSR_CHARS = 8192;

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const MIN_RSA_EXPONENT = 65_537n;
const ACCEPTED_CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1']);

/** Signature algorithm of the request → key type and digest. SHA-1 and MD5 are not in it. */
const SIGNATURES: ReadonlyMap<string, { key: string; digest: string | null }> = new Map([
  ['1.2.840.10045.4.3.2', { key: 'ec', digest: 'sha256' }],
  ['1.2.840.10045.4.3.3', { key: 'ec', digest: 'sha384' }],
  ['1.2.840.10045.4.3.4', { key: 'ec', digest: 'sha512' }],
  ['1.2.840.113549.1.1.11', { key: 'rsa', digest: 'sha256' }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', digest: 'sha384' }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', digest: 'sha512' }],
  ['1.3.101.112', { key: 'ed25519', digest: null }],
]);

const PEM =
  /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/;

/** Why a request was refused; `reason` is a stable word, the message one sentence. */
export class CsrError extends Error {
  override name = 'CsrError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A P-256 key pair as PEM (PKCS#8 and SPKI). */
export function createKeyPair(): { privateKeyPem: string; publicKeyPem: string } {
  return generatePair('pem');
}

const generatePair = (format: 'pem'): { privateKeyPem: string; publicKeyPem: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format },
    publicKeyEncoding: { type: 'spki', format },
  });
  return { privateKeyPem: privateKey, publicKeyPem: publicKey };
};

/**
 * A request for the key, with the subject CN=edge-device: the platform gives the real subject.
 * @param privateKeyPem PKCS#8 of a P-256 key.
 */
export function createCsr(privateKeyPem: string): string {
  const privateKey = createPrivateKey(privateKeyPem);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const subject = sequence(set(sequence(oid(OID.commonName), utf8('edge-device'))));
  const info = sequence(smallInteger(0), subject, decodeDer(spki), context(0, []));
  const signature = sign('sha256', encodeDer(info), privateKey);
  const request = sequence(info, sequence(oid(OID.ecdsaWithSha256)), bitString(signature));
  return toPem('CERTIFICATE REQUEST', encodeDer(request));
}

/**
 * The key of a request whose sender has proved to hold the private half. Subject, attributes and wished
 * extensions are ignored. Accepts P-256, P-384, RSA from 2048 bits with e ≥ 65537, and Ed25519.
 * @throws CsrError and nothing else. Source: RFC 2986.
 */
export function parseCsr(pem: string): { publicKey: KeyObject; keyThumbprint: string } {
  const request = decodeRequest(pem);
  const [info, algorithm, signature] = request;
  const infoItems = itemsOf(info);
  const [version, subject, spki, attributes] = infoItems ?? [];
  const isShaped =
    request.length === 3 &&
    info !== undefined &&
    infoItems?.length === 4 &&
    bytesOf(version, 'INTEGER')?.equals(Buffer.of(0)) === true &&
    itemsOf(subject) !== null &&
    contextItems(attributes, 0) !== null;
  if (!isShaped || spki === undefined) {
    throw new CsrError('structure', 'The certificate request is not built as PKCS#10 says.');
  }
  const publicKey = readPublicKey(spki);
  checkProof(publicKey, encodeDer(info), algorithm, signature);
  return { publicKey, keyThumbprint: thumbprintOf(publicKey) };
}

/** SHA-256 of the key's SPKI in DER, lower hex. */
export const thumbprintOf = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** The three parts of the request; only input that is canonical DER comes through, so signed bytes can be re-encoded. */
function decodeRequest(pem: string): Asn1[] {
  if (pem.length > MAX_CSR_CHARS) {
    throw new CsrError('too_large', `The certificate request is longer than ${MAX_CSR_CHARS} characters.`);
  }
  const base64 = PEM.exec(pem)?.[2];
  if (base64 === undefined) {
    throw new CsrError('not_pem', 'The certificate request is not PEM with the label CERTIFICATE REQUEST.');
  }
  const der = Buffer.from(base64, 'base64');
  // Node skips what is no base64 and stops at the first padding; OpenSSL refuses both.
  if (der.toString('base64') !== base64.replaceAll(/[\r\n]/g, '')) {
    throw new CsrError('not_pem', 'The certificate request is not proper base64.');
  }
  try {
    const value = decodeDer(der);
    const items = itemsOf(value);
    if (items !== null && encodeDer(value).equals(der)) return items;
  } catch (cause) {
    throw new CsrError('not_der', 'The certificate request is not DER.', { cause });
  }
  throw new CsrError('not_der', 'The certificate request is not canonical DER.');
}

function readPublicKey(value: Asn1): KeyObject {
  const spki = encodeDer(value);
  let key: KeyObject;
  let exported: Buffer;
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    exported = key.export({ type: 'spki', format: 'der' });
  } catch (cause) {
    throw new CsrError('key', 'The key of the certificate request cannot be read.', { cause });
  }
  // One spelling per key, so that a thumbprint names a key and not one of its encodings.
  if (!exported.equals(spki) || hasExplicitCurve(value, key) || !isAccepted(key)) {
    throw new CsrError(
      'key',
      'The key must be P-256, P-384, Ed25519 or RSA of 2048 to 8192 bits with an exponent of at least 65537.',
    );
  }
  return key;
}

/** A curve must be named: spelled out in parameters it may be one that only looks like P-256 (CVE-2020-0601). */
const hasExplicitCurve = (spki: Asn1, key: KeyObject): boolean =>
  key.asymmetricKeyType === 'ec' && oidOf(itemsOf(itemsOf(spki)?.[0])?.[1]) === null;

function isAccepted(key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      return ACCEPTED_CURVES.has(details.namedCurve ?? '');
    case 'rsa':
      return (
        (details.modulusLength ?? 0) >= MIN_RSA_BITS &&
        (details.modulusLength ?? 0) <= MAX_RSA_BITS &&
        (details.publicExponent ?? 0n) >= MIN_RSA_EXPONENT
      );
    case 'ed25519':
      return true;
    default:
      return false;
  }
}

function checkProof(
  key: KeyObject,
  signed: Buffer,
  algorithm: Asn1 | undefined,
  signature: Asn1 | undefined,
): void {
  const expected = SIGNATURES.get(oidOf(itemsOf(algorithm)?.[0]) ?? '');
  if (expected === undefined || expected.key !== key.asymmetricKeyType) {
    throw new CsrError(
      'algorithm',
      'The certificate request is signed by an algorithm that is not accepted.',
    );
  }
  const bits = bytesOf(signature, 'BITSTRING');
  let isProved = false;
  try {
    isProved = bits !== null && bits[0] === 0 && verify(expected.digest, signed, key, bits.subarray(1));
  } catch (cause) {
    throw new CsrError('signature', 'The signature of the certificate request cannot be read.', { cause });
  }
  if (!isProved) {
    throw new CsrError('signature', 'The certificate request is not signed by its own key.');
  }
}
