/** PKCS#12 bundles for integrators. Built by hand: node-forge's own builder takes no EC keys. Source: RFC 7292. */
import { createHash, createHmac, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import {
  type Asn1,
  bmpString,
  context,
  decodeDer,
  encodeDer,
  nullValue,
  octets,
  oid,
  sequence,
  set,
  smallInteger,
} from './der.ts';
import { OID } from './oids.ts';

const MAC_ITERATIONS = 2048;
const MAC_KEY_BYTES = 32;
/** `id` of the MAC key in the key derivation. Source: RFC 7292 appendix B.3. */
const MAC_KEY_PURPOSE = 3;

/**
 * Key (PBES2, AES-256), its chain and the root, with an HMAC-SHA-256 over all.
 * @throws RangeError for an empty password or one that is not printable ASCII (tools disagree on any other).
 */
export function makePkcs12(input: {
  privateKeyPem: string;
  chainPem: string;
  rootPem: string;
  password: string;
  /** Friendly name shown by key stores; ASCII. */
  name: string;
}): Buffer {
  if (!/^[\x20-\x7e]{1,128}$/.test(input.password)) {
    throw new RangeError('The password of a PKCS#12 file must be 1 to 128 printable ASCII characters.');
  }
  const certificates = splitPem(input.chainPem + input.rootPem).map((pem) => new X509Certificate(pem));
  const keyId = createHash('sha256')
    .update(certificates[0]?.raw ?? '')
    .digest();
  const attributes = (): Asn1 =>
    set(
      sequence(oid(OID.friendlyName), set(bmpString(input.name))),
      sequence(oid(OID.localKeyId), set(octets(keyId))),
    );
  const shrouded = createPrivateKey(input.privateKeyPem).export({
    type: 'pkcs8',
    format: 'der',
    cipher: 'aes-256-cbc',
    passphrase: input.password,
  });
  const keyBag = sequence(oid(OID.keyBag), context(0, [decodeDer(shrouded)]), attributes());
  const certificateBags = certificates.map((certificate, index) =>
    sequence(
      oid(OID.certificateBag),
      context(0, [sequence(oid(OID.x509Certificate), context(0, [octets(certificate.raw)]))]),
      ...(index === 0 ? [attributes()] : []),
    ),
  );
  const safe = encodeDer(sequence(dataOf(sequence(keyBag)), dataOf(sequence(...certificateBags))));
  return encodeDer(
    sequence(
      smallInteger(3),
      sequence(oid(OID.data), context(0, [octets(safe)])),
      macOf(safe, input.password),
    ),
  );
}

const dataOf = (contents: Asn1): Asn1 => sequence(oid(OID.data), context(0, [octets(encodeDer(contents))]));

function macOf(safe: Buffer, password: string): Asn1 {
  const salt = randomBytes(16);
  const derive = forge.pkcs12.generateKey as unknown as DeriveKey;
  const key = derive(
    password,
    forge.util.createBuffer(salt.toString('latin1')),
    MAC_KEY_PURPOSE,
    MAC_ITERATIONS,
    MAC_KEY_BYTES,
    forge.md.sha256.create(),
  );
  const mac = createHmac('sha256', Buffer.from(key.getBytes(), 'latin1')).update(safe).digest();
  return sequence(
    sequence(sequence(oid(OID.sha256), nullValue()), octets(mac)),
    octets(salt),
    smallInteger(MAC_ITERATIONS),
  );
}

/** The typings leave out that the salt is a buffer and the digest a choice. */
type DeriveKey = (
  password: string,
  salt: forge.util.ByteBuffer,
  purpose: number,
  iterations: number,
  length: number,
  digest: forge.md.MessageDigest,
) => forge.util.ByteBuffer;

const splitPem = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
