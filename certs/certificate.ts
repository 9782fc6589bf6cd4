/** Building and signing certificates and revocation lists (RFC 5280) with a P-256 issuer. */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type Asn1,
  bitString,
  booleanTrue,
  context,
  contextBytes,
  decodeDer,
  encodeDer,
  itemsOf,
  octets,
  oid,
  sequence,
  set,
  smallInteger,
  time,
  toPem,
  unsignedInteger,
  utf8,
} from './der.ts';
import { OID } from './oids.ts';

export interface Subject {
  commonName: string;
  organization: string;
  unit: string;
}

/** Longest CN that X.520 allows. */
const MAX_COMMON_NAME_CHARS = 64;
const MAX_NAME_CHARS = 64;

/** Who signs: its key, the DER of its subject, and its key identifier. */
export interface Issuer {
  readonly privateKey: KeyObject;
  readonly name: Asn1;
  readonly keyIdentifier: Buffer;
}

export type Profile =
  | { readonly use: 'authority'; readonly pathLength: number | null }
  | { readonly use: 'client'; readonly uri: string; readonly dnsName: string | null }
  | { readonly use: 'server'; readonly hosts: readonly string[] };

/** `O, OU, CN` in that order; empty parts are left out. @throws RangeError when a part has no legal length. */
export function nameOf(subject: Partial<Subject> & { commonName: string }): Asn1 {
  const parts: [string, string | undefined, number][] = [
    [OID.organization, subject.organization, MAX_NAME_CHARS],
    [OID.organizationalUnit, subject.unit, MAX_NAME_CHARS],
    [OID.commonName, subject.commonName, MAX_COMMON_NAME_CHARS],
  ];
  return sequence(
    ...parts.flatMap(([type, text, maxChars]) => {
      if (text === undefined) return [];
      if (text.length === 0 || text.length > maxChars) {
        throw new RangeError(`A part of a certificate's subject must have 1 to ${maxChars} characters.`);
      }
      return [set(sequence(oid(type), utf8(text)))];
    }),
  );
}

/** The subject of a version 3 certificate, as it stands there. */
export function nameOfCertificate(der: Uint8Array): Asn1 {
  const name = itemsOf(itemsOf(decodeDer(der))?.[0])?.[5];
  if (name === undefined) throw new RangeError('Not a version 3 certificate.');
  return name;
}

/** First 20 bytes of SHA-256 over the SPKI. Source: RFC 7093 §2, method 1 (there over the bit string; any unique value will do). */
export const keyIdentifierOf = (publicKey: KeyObject): Buffer =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);

export interface CertificateInput {
  readonly issuer: Issuer;
  readonly subject: Asn1;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly profile: Profile;
}

/** A signed certificate in PEM with a random positive serial of 16 bytes. */
export function buildCertificate(input: CertificateInput): string {
  const { issuer } = input;
  const tbs = sequence(
    context(0, [smallInteger(2)]),
    unsignedInteger(randomSerial()),
    signatureAlgorithm(),
    issuer.name,
    sequence(time(input.notBefore), time(input.notAfter)),
    input.subject,
    decodeDer(input.publicKey.export({ type: 'spki', format: 'der' })),
    context(3, [sequence(...extensionsFor(input))]),
  );
  return toPem('CERTIFICATE', signed(tbs, issuer.privateKey));
}

export interface RevokedEntry {
  readonly serial: string;
  readonly revokedAt: Date;
}

/** A revocation list in PEM under the label `X509 CRL`, which OpenSSL and mosquitto read. */
export function buildRevocationList(
  issuer: Issuer,
  revoked: readonly RevokedEntry[],
  thisUpdate: Date,
  nextUpdate: Date,
): string {
  const entries = revoked.map(({ serial, revokedAt }) =>
    sequence(unsignedInteger(serialBytes(serial)), time(revokedAt)),
  );
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(thisUpdate.getTime()));
  const tbs = sequence(
    smallInteger(1),
    signatureAlgorithm(),
    issuer.name,
    time(thisUpdate),
    time(nextUpdate),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    context(0, [
      sequence(
        authorityKey(issuer),
        // Rises with time, which is all that RFC 5280 §5.2.3 asks of the number.
        extension(
          OID.crlNumber,
          false,
          unsignedInteger(number.subarray(number.findIndex((byte) => byte > 0))),
        ),
      ),
    ]),
  );
  return toPem('X509 CRL', signed(tbs, issuer.privateKey));
}

function signed(tbs: Asn1, privateKey: KeyObject): Buffer {
  const signature = sign('sha256', encodeDer(tbs), privateKey);
  return encodeDer(sequence(tbs, signatureAlgorithm(), bitString(signature)));
}

const signatureAlgorithm = (): Asn1 => sequence(oid(OID.ecdsaWithSha256));

/** 16 bytes whose first is 0x40-0x7f: positive, and of the same length in every tool's hex. */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function serialBytes(serial: string): Buffer {
  if (!/^[0-9a-f]{2,40}$/.test(serial)) throw new RangeError(`Not a serial in lower hex: ${serial}`);
  const bytes = Buffer.from(serial.length % 2 === 0 ? serial : `0${serial}`, 'hex');
  const first = bytes.findIndex((byte) => byte > 0);
  return first < 0 ? Buffer.of(0) : bytes.subarray(first);
}

const extension = (type: string, critical: boolean, value: Asn1): Asn1 =>
  sequence(oid(type), ...(critical ? [booleanTrue()] : []), octets(encodeDer(value)));

const authorityKey = (issuer: Issuer): Asn1 =>
  extension(OID.authorityKeyIdentifier, false, sequence(contextBytes(0, issuer.keyIdentifier)));

/** Bits of KeyUsage. Source: RFC 5280 §4.2.1.3. */
const DIGITAL_SIGNATURE = { bits: 0x80, unused: 7 };
const SIGN_CERTIFICATES_AND_LISTS = { bits: 0x06, unused: 1 };

function extensionsFor({ issuer, publicKey, profile }: CertificateInput): Asn1[] {
  const isAuthority = profile.use === 'authority';
  const usage = isAuthority ? SIGN_CERTIFICATES_AND_LISTS : DIGITAL_SIGNATURE;
  const limits: Asn1[] = [];
  if (isAuthority) {
    limits.push(booleanTrue());
    if (profile.pathLength !== null) limits.push(smallInteger(profile.pathLength));
  }
  return [
    extension(OID.basicConstraints, true, sequence(...limits)),
    extension(OID.keyUsage, true, bitString(Buffer.of(usage.bits), usage.unused)),
    ...(profile.use === 'authority' ? [] : endEntityExtensions(profile)),
    extension(OID.subjectKeyIdentifier, false, octets(keyIdentifierOf(publicKey))),
    authorityKey(issuer),
  ];
}

function endEntityExtensions(profile: Exclude<Profile, { use: 'authority' }>): Asn1[] {
  const names =
    profile.use === 'client'
      ? [
          contextBytes(6, Buffer.from(profile.uri, 'latin1')),
          ...(profile.dnsName === null ? [] : [hostName(profile.dnsName)]),
        ]
      : profile.hosts.map(hostName);
  return [
    extension(
      OID.extendedKeyUsage,
      false,
      sequence(oid(profile.use === 'client' ? OID.clientAuth : OID.serverAuth)),
    ),
    extension(OID.subjectAltName, false, sequence(...names)),
  ];
}

/** GeneralName of a DNS name ([2]) or an IP address ([7]). */
function hostName(host: string): Asn1 {
  if (isIP(host) === 0) return contextBytes(2, Buffer.from(host, 'latin1'));
  return contextBytes(7, addressBytes(host));
}

/** The 4 or 16 bytes of an IP address. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes an IPv6 address in its one canonical form, without an embedded IPv4 part.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros: number[] = new Array(8 - before.length - after.length).fill(0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
