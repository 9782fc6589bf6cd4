/** What a certificate says, read from its DER. The chain is not checked here: TLS or the caller has done that. */
import { createHash, X509Certificate } from 'node:crypto';
import { thumbprintOf } from './csr.ts';
import { type Asn1, bytesOf, contextBytesOf, contextItems, decodeDer, itemsOf, oidOf } from './der.ts';
import { OID } from './oids.ts';

export interface CertificateFacts {
  /** Lower hex without leading zeros. */
  readonly serial: string;
  readonly commonName: string;
  readonly organization: string | null;
  readonly unit: string | null;
  /** URIs of the subject alternative name, in order. */
  readonly identityUris: string[];
  /** SHA-256 of the DER, lower hex. */
  readonly fingerprintSha256: string;
  /** SHA-256 of the SPKI, lower hex. */
  readonly keyThumbprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Says of itself that it is an authority's, whatever its key may be used for. */
  readonly isAuthority: boolean;
}

/** A certificate that cannot be read without doubt. */
export class CertificateError extends Error {
  override name = 'CertificateError';
}

/** @throws CertificateError when it is not X.509, has no or several CN, O or OU, or names in an unusual string type. */
export function readCertificate(pemOrDer: string | Uint8Array): CertificateFacts {
  let certificate: X509Certificate;
  let fields: Asn1[];
  try {
    certificate = new X509Certificate(pemOrDer);
    fields = itemsOf(itemsOf(decodeDer(certificate.raw))?.[0]) ?? [];
  } catch (cause) {
    throw new CertificateError('This is not an X.509 certificate.', { cause });
  }
  const hasVersion = contextItems(fields[0], 0) !== null;
  const subject = readName(fields[hasVersion ? 5 : 4]);
  const commonName = single(subject, OID.commonName, 'CN');
  if (commonName === null) throw new CertificateError('The certificate has no CN.');
  return {
    serial: certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, ''),
    commonName,
    organization: single(subject, OID.organization, 'O'),
    unit: single(subject, OID.organizationalUnit, 'OU'),
    identityUris: readUris(fields),
    fingerprintSha256: createHash('sha256').update(certificate.raw).digest('hex'),
    keyThumbprint: thumbprintOf(certificate.publicKey),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    isAuthority: readAuthorityFlag(fields),
  };
}

type Attribute = readonly [type: string, value: string];

function readName(name: Asn1 | undefined): Attribute[] {
  const attributes = (itemsOf(name) ?? []).flatMap((rdn) => itemsOf(rdn, 'SET') ?? []);
  return attributes.map((attribute) => {
    const [type, value] = itemsOf(attribute) ?? [];
    const bytes = bytesOf(value, 'UTF8') ?? bytesOf(value, 'PRINTABLESTRING') ?? bytesOf(value, 'IA5STRING');
    const dotted = oidOf(type);
    if (bytes === null || dotted === null) {
      throw new CertificateError('The certificate has a name in an unusual encoding.');
    }
    return [dotted, bytes.toString('utf8')];
  });
}

function single(name: readonly Attribute[], type: string, label: string): string | null {
  const values = name.filter(([candidate]) => candidate === type).map(([, value]) => value);
  if (values.length > 1) throw new CertificateError(`The certificate has more than one ${label}.`);
  return values[0] ?? null;
}

/** The DER inside; null where there is no such extension. */
function extensionOf(fields: readonly Asn1[], type: string, label: string): Buffer | null {
  const extensions = fields.map((field) => contextItems(field, 3)).find((found) => found !== null)?.[0];
  const found = (itemsOf(extensions) ?? [])
    .map((extension) => itemsOf(extension) ?? [])
    .filter((parts) => oidOf(parts[0]) === type);
  if (found.length > 1) throw new CertificateError(`The certificate has more than one ${label}.`);
  return bytesOf(found[0]?.at(-1), 'OCTETSTRING');
}

/** Node's own `ca` is false for an authority whose key usage forbids signing. */
function readAuthorityFlag(fields: readonly Asn1[]): boolean {
  const value = extensionOf(fields, OID.basicConstraints, 'basic constraints');
  if (value === null) return false;
  try {
    const flag = bytesOf(itemsOf(decodeDer(value))?.[0], 'BOOLEAN');
    return flag?.some((byte) => byte !== 0) === true;
  } catch (cause) {
    throw new CertificateError('The basic constraints of the certificate cannot be read.', { cause });
  }
}

function readUris(fields: readonly Asn1[]): string[] {
  const value = extensionOf(fields, OID.subjectAltName, 'alternative name');
  if (value === null) return [];
  try {
    const URI_TAG = 6;
    return (itemsOf(decodeDer(value)) ?? [])
      .map((name) => contextBytesOf(name, URI_TAG))
      .filter((bytes) => bytes !== null)
      .map((bytes) => bytes.toString('latin1'));
  } catch (cause) {
    throw new CertificateError('The alternative name of the certificate cannot be read.', { cause });
  }
}
