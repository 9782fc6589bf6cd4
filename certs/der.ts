/** DER by node-forge's ASN.1 layer: the few shapes that X.509, PKCS#10 and PKCS#12 need. Pure. */
import forge from 'node-forge';

export type Asn1 = forge.asn1.Asn1;

const { Class, Type } = forge.asn1;

/** Strict DER, no bytes left over, and no guessing what a bit string may hold (an ECDSA signature looks like a SEQUENCE). */
const PARSE_OPTIONS = { strict: true, parseAllBytes: true, decodeBitStrings: false };
/** The typings know only a boolean here; the library has taken these options since 1.0. */
const parse = forge.asn1.fromDer as unknown as (bytes: string, options: typeof PARSE_OPTIONS) => Asn1;

/** @throws Error for anything that is not one well-formed DER value. */
export const decodeDer = (der: Uint8Array): Asn1 => parse(Buffer.from(der).toString('latin1'), PARSE_OPTIONS);

export const encodeDer = (value: Asn1): Buffer => Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1');

const universal = (type: forge.asn1.Type, constructed: boolean, value: Asn1[] | string): Asn1 =>
  forge.asn1.create(Class.UNIVERSAL, type, constructed, value);

export const sequence = (...items: Asn1[]): Asn1 => universal(Type.SEQUENCE, true, items);
export const set = (...items: Asn1[]): Asn1 => universal(Type.SET, true, items);
export const oid = (dotted: string): Asn1 =>
  universal(Type.OID, false, forge.asn1.oidToDer(dotted).getBytes());
export const nullValue = (): Asn1 => universal(Type.NULL, false, '');
export const booleanTrue = (): Asn1 => universal(Type.BOOLEAN, false, '\xff');
export const utf8 = (text: string): Asn1 =>
  universal(Type.UTF8, false, Buffer.from(text, 'utf8').toString('latin1'));
export const bmpString = (text: string): Asn1 =>
  universal(Type.BMPSTRING, false, Buffer.from(text, 'latin1').toString('latin1'));
export const octets = (bytes: Uint8Array): Asn1 =>
  universal(Type.OCTETSTRING, false, Buffer.from(bytes).toString('latin1'));
export const smallInteger = (value: number): Asn1 =>
  universal(Type.INTEGER, false, forge.asn1.integerToDer(value).getBytes());

/** A non-negative INTEGER from its big-endian bytes. */
export function unsignedInteger(bytes: Uint8Array): Asn1 {
  const first = bytes[0] ?? 0;
  const padded = first >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : Buffer.from(bytes);
  return universal(Type.INTEGER, false, padded.toString('latin1'));
}

/** @param unusedBits how many of the last byte's low bits do not count. */
export const bitString = (bytes: Uint8Array, unusedBits = 0): Asn1 =>
  universal(Type.BITSTRING, false, Buffer.concat([Buffer.of(unusedBits), bytes]).toString('latin1'));

/** UTCTime until 2049, GeneralizedTime from 2050. Source: RFC 5280 §4.1.2.5. */
export const time = (at: Date): Asn1 =>
  at.getUTCFullYear() < 2050
    ? universal(Type.UTCTIME, false, forge.asn1.dateToUtcTime(at))
    : universal(Type.GENERALIZEDTIME, false, forge.asn1.dateToGeneralizedTime(at));

/** `[tag] EXPLICIT` or a constructed IMPLICIT one. */
export const context = (tag: number, items: Asn1[]): Asn1 =>
  forge.asn1.create(Class.CONTEXT_SPECIFIC, tag, true, items);
/** `[tag] IMPLICIT` of a primitive type. */
export const contextBytes = (tag: number, bytes: Uint8Array): Asn1 =>
  forge.asn1.create(Class.CONTEXT_SPECIFIC, tag, false, Buffer.from(bytes).toString('latin1'));

/** The parts of a SEQUENCE or SET; null when the value is something else. */
export const itemsOf = (value: Asn1 | undefined, type: 'SEQUENCE' | 'SET' = 'SEQUENCE'): Asn1[] | null =>
  value !== undefined &&
  value.tagClass === Class.UNIVERSAL &&
  value.type === Type[type] &&
  Array.isArray(value.value)
    ? value.value
    : null;

/** The parts of `[tag]`; null when the value is something else. */
export const contextItems = (value: Asn1 | undefined, tag: number): Asn1[] | null =>
  isContext(value, tag) && Array.isArray(value.value) ? value.value : null;

/** The bytes of a primitive `[tag]`; null when the value is something else. */
export const contextBytesOf = (value: Asn1 | undefined, tag: number): Buffer | null =>
  isContext(value, tag) && typeof value.value === 'string' ? Buffer.from(value.value, 'latin1') : null;

const isContext = (value: Asn1 | undefined, tag: number): value is Asn1 =>
  // The typings give `type` as the universal types alone; in a context class it is the tag's number.
  value !== undefined && value.tagClass === Class.CONTEXT_SPECIFIC && Number(value.type) === tag;

/** Content bytes of a primitive universal value; null when the value is something else. */
export const bytesOf = (value: Asn1 | undefined, type: keyof typeof Type): Buffer | null =>
  value !== undefined &&
  value.tagClass === Class.UNIVERSAL &&
  value.type === Type[type] &&
  typeof value.value === 'string'
    ? Buffer.from(value.value, 'latin1')
    : null;

/** The moment that a UTCTime or GeneralizedTime says; null when the value is neither. */
export function timeOf(value: Asn1 | undefined): Date | null {
  const utc = bytesOf(value, 'UTCTIME');
  if (utc !== null) return forge.asn1.utcTimeToDate(utc.toString('latin1'));
  const general = bytesOf(value, 'GENERALIZEDTIME');
  return general === null ? null : forge.asn1.generalizedTimeToDate(general.toString('latin1'));
}

/** The dotted form of an OBJECT IDENTIFIER; null when the value is something else. */
export function oidOf(value: Asn1 | undefined): string | null {
  const bytes = bytesOf(value, 'OID');
  return bytes === null || bytes.length === 0 ? null : forge.asn1.derToOid(bytes.toString('latin1'));
}

export const toPem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${(
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END ${label}-----\n`;
