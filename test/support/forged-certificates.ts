/** Certificates with every fault that we know of, for one identity: each as a client would present it. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { commonNameOf, identityUriOf, organizationNameOf, type Principal } from '#contract';
import { keyIdentifierOf, nameOfCertificate } from '../../certs/certificate.ts';
import {
  type Asn1,
  bitString,
  bmpString,
  booleanTrue,
  bytesOf,
  context,
  contextBytes,
  decodeDer,
  encodeDer,
  itemsOf,
  nullValue,
  octets,
  oid,
  sequence,
  set,
  smallInteger,
  time,
  toPem,
  unsignedInteger,
  utf8,
} from '../../certs/der.ts';
import { OID } from '../../certs/oids.ts';

const DAY_MS = 86_400_000;
const ANY_EKU = '2.5.29.37.0';
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const EMAIL = '1.3.6.1.5.5.7.3.4';
const NAME_CONSTRAINTS = '2.5.29.30';
const SHA1_RSA = '1.2.840.113549.1.1.5';
const MD5_RSA = '1.2.840.113549.1.1.4';
const SHA256_RSA = '1.2.840.113549.1.1.11';
const SHA1_ECDSA = '1.2.840.10045.4.1';
const UNKNOWN_EXTENSION = '1.3.6.1.4.1.55555.1';

export interface Forged {
  readonly name: string;
  readonly keyPem: string;
  /** Leaf first. */
  readonly chainPem: string;
  readonly clientId: string;
}

/** Who signs: what an attacker may hold, and what only we hold (to show that the fault alone is refused). */
export interface Signer {
  readonly pem: string;
  readonly privateKey: KeyObject;
}

interface Draft {
  readonly subject: Asn1;
  readonly issuer: Asn1;
  readonly signer: KeyObject;
  readonly algorithm: string;
  readonly digest: string;
  readonly serial: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly version: number;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly extensions: readonly Asn1[];
  /** Sent after the leaf. */
  readonly above: string;
}

const ecKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const attribute = (type: string, value: Asn1): Asn1 => set(sequence(oid(type), value));
const extension = (type: string, critical: boolean, value: Asn1): Asn1 =>
  sequence(oid(type), ...(critical ? [booleanTrue()] : []), octets(encodeDer(value)));
const constraints = (isCa: boolean, pathLength?: number): Asn1 =>
  extension(
    OID.basicConstraints,
    true,
    sequence(
      ...(isCa ? [booleanTrue()] : []),
      ...(pathLength === undefined ? [] : [smallInteger(pathLength)]),
    ),
  );
const keyUsage = (bits: number, unused: number): Asn1 =>
  extension(OID.keyUsage, true, bitString(Buffer.of(bits), unused));
const DIGITAL_SIGNATURE = () => keyUsage(0x80, 7);
const CERT_SIGN = () => keyUsage(0x06, 1);
const eku = (...ids: string[]): Asn1 =>
  extension(OID.extendedKeyUsage, false, sequence(...ids.map((id) => oid(id))));
const uriName = (uri: string | Buffer): Asn1 =>
  contextBytes(6, typeof uri === 'string' ? Buffer.from(uri, 'latin1') : uri);
const altNames = (...names: Asn1[]): Asn1 => extension(OID.subjectAltName, false, sequence(...names));
const nameFrom = (parts: readonly (readonly [string, Asn1])[]): Asn1 =>
  sequence(...parts.map(([type, value]) => attribute(type, value)));
const plainName = (commonName: string): Asn1 => nameFrom([[OID.commonName, utf8(commonName)]]);

/** Everything right, unless a forger changes it. */
export function draftFor(principal: Principal, issuer: Signer, serialHex: string): Draft {
  const keys = ecKeys();
  return {
    subject: subjectOf(principal),
    issuer: nameOfCertificate(new X509Certificate(issuer.pem).raw),
    signer: issuer.privateKey,
    algorithm: OID.ecdsaWithSha256,
    digest: 'sha256',
    serial: Buffer.from(serialHex.padStart(32, '0'), 'hex'),
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 30 * DAY_MS),
    version: 2,
    keys,
    extensions: [
      constraints(false),
      DIGITAL_SIGNATURE(),
      eku(OID.clientAuth),
      altNames(uriName(identityUriOf(principal))),
    ],
    above: issuer.pem,
  };
}

export function build(name: string, draft: Draft, clientId: string): Forged {
  const leaf = certify(draft);
  return {
    name,
    keyPem: draft.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    chainPem: toPem('CERTIFICATE', leaf) + draft.above,
    clientId,
  };
}

function certify(draft: Draft): Buffer {
  const rsa = draft.signer.asymmetricKeyType === 'rsa';
  const algorithm = sequence(oid(draft.algorithm), ...(rsa ? [nullValue()] : []));
  const identifiers = [
    extension(OID.subjectKeyIdentifier, false, octets(keyIdentifierOf(draft.keys.publicKey))),
    extension(
      OID.authorityKeyIdentifier,
      false,
      sequence(contextBytes(0, keyIdentifierOf(createPublicKey(draft.signer)))),
    ),
  ];
  const tbs = sequence(
    ...(draft.version === 0 ? [] : [context(0, [smallInteger(draft.version)])]),
    unsignedInteger(draft.serial),
    algorithm,
    draft.issuer,
    sequence(time(draft.notBefore), time(draft.notAfter)),
    draft.subject,
    decodeDer(draft.keys.publicKey.export({ type: 'spki', format: 'der' })),
    ...(draft.version === 0 ? [] : [context(3, [sequence(...draft.extensions, ...identifiers)])]),
  );
  const signature = sign(draft.digest, encodeDer(tbs), draft.signer);
  return encodeDer(sequence(tbs, algorithm, bitString(signature)));
}

const subjectOf = (principal: Principal, commonName: Asn1 = utf8(commonNameOf(principal))): Asn1 =>
  nameFrom([
    [OID.organization, utf8(organizationNameOf(principal))],
    [OID.organizationalUnit, utf8(principal.kind)],
    [OID.commonName, commonName],
  ]);

/** A CA of one's own: of any name, under any signer. */
function makeCa(
  name: Asn1,
  above: { readonly name: Asn1; readonly privateKey: KeyObject } | null,
  extensions: readonly Asn1[] = [constraints(true), CERT_SIGN()],
): Signer & { readonly name: Asn1 } {
  const keys = ecKeys();
  const der = certify({
    subject: name,
    issuer: above?.name ?? name,
    signer: above?.privateKey ?? keys.privateKey,
    algorithm: OID.ecdsaWithSha256,
    digest: 'sha256',
    serial: Buffer.from('41'.repeat(16), 'hex'),
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 300 * DAY_MS),
    version: 2,
    keys,
    extensions,
    above: '',
  });
  return { pem: toPem('CERTIFICATE', der), privateKey: keys.privateKey, name };
}

export interface ForgeryInput {
  readonly principal: Principal;
  readonly root: Signer;
  readonly issuing: Signer;
  /** Of the certificate that is really in use: a forger knows it. */
  readonly serial: string;
  /** A leaf of ours in an attacker's hands. */
  readonly stolenLeaf: Signer;
}

/** All of them for one identity; every one must be refused. */
export function forgeries(input: ForgeryInput): Forged[] {
  const { principal, issuing, serial } = input;
  const clientId = commonNameOf(principal);
  const base = draftFor(principal, issuing, serial);
  const of = (name: string, changes: Partial<Draft>): Forged =>
    build(`${principal.kind}: ${name}`, { ...base, ...changes }, clientId);
  return [
    ...byOtherSigners(input, of),
    ...byDates(of),
    ...byUsage(principal, base, of),
    ...byAlgorithm(base, input, of),
    ...byName(principal, base, of),
    ...byDamage(of('signature', {})),
    {
      ...of('the issuing CA itself as a client', {}),
      keyPem: issuing.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      chainPem: issuing.pem,
    },
    {
      ...of('the root itself as a client', {}),
      keyPem: input.root.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      chainPem: input.root.pem,
    },
    { ...of('client id of another', {}), clientId: `${clientId}0` },
    { ...of('client id in capitals', {}), clientId: clientId.toUpperCase() },
    { ...of('client id empty', {}), clientId: '' },
  ];
}

type Of = (name: string, changes: Partial<Draft>) => Forged;

function byOtherSigners({ issuing, root, stolenLeaf }: ForgeryInput, of: Of): Forged[] {
  const issuingName = nameOfCertificate(new X509Certificate(issuing.pem).raw);
  const rootName = nameOfCertificate(new X509Certificate(root.pem).raw);
  const rootSigner = { name: rootName, privateKey: root.privateKey };
  const under = (signer: Signer, above: string): Partial<Draft> => ({
    issuer: nameOfCertificate(new X509Certificate(signer.pem).raw),
    signer: signer.privateKey,
    above,
  });
  const foreign = makeCa(plainName('Foreign CA'), null);
  const namesake = makeCa(issuingName, null);
  const rootNamesake = makeCa(rootName, null);
  const underNamesake = makeCa(issuingName, rootNamesake);
  const lone = ecKeys();
  const leafAsCa = under(stolenLeaf, stolenLeaf.pem);
  const constrained = (names: readonly Asn1[], kind: 0 | 1): Signer =>
    makeCa(plainName('Constrained CA'), rootSigner, [
      constraints(true, 0),
      CERT_SIGN(),
      extension(
        NAME_CONSTRAINTS,
        true,
        sequence(
          context(
            kind,
            names.map((name) => sequence(name)),
          ),
        ),
      ),
    ]);
  const issuingSigner = { name: issuingName, privateKey: issuing.privateKey };
  const beyond = makeCa(plainName('Below the issuing CA'), issuingSigner);
  const notCa = makeCa(plainName('No CA'), rootSigner, [constraints(false), CERT_SIGN()]);
  const bare = makeCa(plainName('No constraints'), rootSigner, [CERT_SIGN()]);
  const noSign = makeCa(plainName('No signing'), rootSigner, [constraints(true), DIGITAL_SIGNATURE()]);
  const wrongPurpose = makeCa(plainName('Servers only'), rootSigner, [
    constraints(true),
    CERT_SIGN(),
    eku(OID.serverAuth),
  ]);
  const outside = constrained([uriName('.allowed.example')], 0);
  const directory = constrained([context(4, [plainName('somebody else')])], 0);
  const excluded = constrained([context(4, [nameFrom([])])], 1);
  return [
    of('foreign CA', under(foreign, foreign.pem)),
    of('foreign CA, chain left out', under(foreign, '')),
    of('foreign CA with our issuing name', under(namesake, namesake.pem)),
    of('foreign CA with our issuing name, our chain sent', under(namesake, issuing.pem)),
    of(
      'foreign root and issuing CA with our names',
      under(underNamesake, underNamesake.pem + rootNamesake.pem),
    ),
    of(
      'foreign root and issuing CA with our names, our root sent',
      under(underNamesake, underNamesake.pem + root.pem),
    ),
    of('self-signed', { keys: lone, signer: lone.privateKey, above: '' }),
    of('self-signed with our issuer name', { keys: lone, signer: lone.privateKey, above: issuing.pem }),
    of('leaf signed by a leaf', leafAsCa),
    of('leaf signed by a leaf, whole chain sent', {
      ...leafAsCa,
      above: stolenLeaf.pem + issuing.pem + root.pem,
    }),
    of('CA below an issuing CA that allows none', under(beyond, beyond.pem + issuing.pem)),
    of('signer without the CA flag', under(notCa, notCa.pem)),
    of('signer without basic constraints', under(bare, bare.pem)),
    of('signer that may not sign certificates', under(noSign, noSign.pem)),
    of('signer for servers only', under(wrongPurpose, wrongPurpose.pem)),
    of('name constraints: URI outside', under(outside, outside.pem)),
    of('name constraints: directory name outside', under(directory, directory.pem)),
    of('name constraints: every name excluded', under(excluded, excluded.pem)),
    of('a chain of 200', deepChain(rootSigner)),
  ];
}

function deepChain(root: { readonly name: Asn1; readonly privateKey: KeyObject }): Partial<Draft> {
  let above = root;
  const pems: string[] = [];
  for (let depth = 0; depth < 200; depth += 1) {
    const ca = makeCa(plainName(`Depth ${depth}`), above);
    pems.unshift(ca.pem);
    above = ca;
  }
  return { issuer: above.name, signer: above.privateKey, above: pems.join('') };
}

function byDates(of: Of): Forged[] {
  const at = (ms: number): Date => new Date(Date.now() + ms);
  return [
    of('over since two seconds', { notAfter: at(-2000) }),
    of('over since a year', { notBefore: at(-800 * DAY_MS), notAfter: at(-365 * DAY_MS) }),
    of('valid from tomorrow', { notBefore: at(DAY_MS) }),
    of('valid in a hundred years', { notBefore: at(36_500 * DAY_MS), notAfter: at(40_000 * DAY_MS) }),
    of('ends before it begins', { notBefore: at(DAY_MS), notAfter: at(-DAY_MS) }),
  ];
}

function byUsage(principal: Principal, base: Draft, of: Of): Forged[] {
  const names = altNames(uriName(identityUriOf(principal)));
  const using = (name: string, ...more: Asn1[]): Forged => of(name, { extensions: [...more, names] });
  const leaf = [constraints(false), DIGITAL_SIGNATURE()];
  return [
    using('for servers', ...leaf, eku(OID.serverAuth)),
    using('for code signing', ...leaf, eku(CODE_SIGNING)),
    using('for e-mail', ...leaf, eku(EMAIL)),
    using('for any purpose', ...leaf, eku(ANY_EKU)),
    using('for clients and servers', ...leaf, eku(OID.clientAuth, OID.serverAuth)),
    using('for no named purpose', ...leaf),
    using('CA flag', constraints(true), DIGITAL_SIGNATURE(), eku(OID.clientAuth)),
    using('CA flag and signing', constraints(true), CERT_SIGN(), eku(OID.clientAuth)),
    using('key usage of a CA', constraints(false), CERT_SIGN(), eku(OID.clientAuth)),
    using('key usage encipherment alone', constraints(false), keyUsage(0x20, 5), eku(OID.clientAuth)),
    using(
      'critical extension that nobody knows',
      ...leaf,
      eku(OID.clientAuth),
      extension(UNKNOWN_EXTENSION, true, nullValue()),
    ),
    of('version 1, no extensions', { version: 0 }),
    of('no extensions', { extensions: [] }),
    of('usage twice', { extensions: [...base.extensions, eku(OID.serverAuth)] }),
    of('basic constraints twice', { extensions: [constraints(true), ...base.extensions] }),
  ];
}

function byAlgorithm(base: Draft, { root }: ForgeryInput, of: Of): Forged[] {
  const rsaOf = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
  const small = rsaOf(1024);
  const tiny = rsaOf(512);
  const rsaCa = rsaOf(2048);
  const rsaName = plainName('RSA CA');
  const signedByRsa = (algorithm: string, digest: string): Partial<Draft> => {
    const ca = certify({
      ...base,
      subject: rsaName,
      issuer: nameOfCertificate(new X509Certificate(root.pem).raw),
      signer: root.privateKey,
      keys: rsaCa,
      extensions: [constraints(true), CERT_SIGN()],
    });
    return { issuer: rsaName, signer: rsaCa.privateKey, algorithm, digest, above: toPem('CERTIFICATE', ca) };
  };
  return [
    of('RSA of 1024 bits', { keys: small }),
    of('RSA of 512 bits', { keys: tiny }),
    of('P-192', { keys: generateKeyPairSync('ec', { namedCurve: 'prime192v1' }) }),
    of('signed with SHA-1 (ECDSA)', { algorithm: SHA1_ECDSA, digest: 'sha1' }),
    of('signed with SHA-1 (RSA)', signedByRsa(SHA1_RSA, 'sha1')),
    of('signed with MD5 (RSA)', signedByRsa(MD5_RSA, 'md5')),
    of('says SHA-256, signed with SHA-1', { digest: 'sha1' }),
    of('says RSA, signed with ECDSA', { algorithm: SHA256_RSA }),
    of('key of another', { keys: { publicKey: base.keys.publicKey, privateKey: ecKeys().privateKey } }),
  ];
}

function byName(principal: Principal, base: Draft, of: Of): Forged[] {
  const commonName = commonNameOf(principal);
  const uri = identityUriOf(principal);
  const other = uri.replace(/^urn:edge:[^:]+/, 'urn:edge:rival');
  const cn = (value: Asn1): Partial<Draft> => ({ subject: subjectOf(principal, value) });
  const san = (...names: Asn1[]): Partial<Draft> => ({
    extensions: [...base.extensions.slice(0, 3), altNames(...names)],
  });
  const parts = (organization: string, unit: string): Partial<Draft> => ({
    subject: nameFrom([
      [OID.organization, utf8(organization)],
      [OID.organizationalUnit, utf8(unit)],
      [OID.commonName, utf8(commonName)],
    ]),
  });
  return [
    of('NUL in CN', cn(utf8(`${commonName}\u0000.evil`))),
    of('NUL before CN', cn(utf8(`\u0000${commonName}`))),
    of('line break in CN', cn(utf8(`${commonName}\nCN=x`))),
    of('CN of another', cn(utf8('rival/00000000-0000-4000-8000-000000000000'))),
    of('CN in capitals', cn(utf8(commonName.toUpperCase()))),
    of('CN with a space', cn(utf8(`${commonName} `))),
    of('CN with a wildcard', cn(utf8('+/+'))),
    of('CN with a Cyrillic letter', cn(utf8(commonName.replace(/[ae]/, '\u0430')))),
    of('CN in two bytes a letter', cn(bmpString(commonName))),
    of('CN empty', cn(utf8(''))),
    of('two CNs', {
      subject: nameFrom([
        [OID.commonName, utf8(commonName)],
        [OID.commonName, utf8('x')],
        [OID.organization, utf8(organizationNameOf(principal))],
        [OID.organizationalUnit, utf8(principal.kind)],
      ]),
    }),
    of('no O and OU', { subject: plainName(commonName) }),
    of('no subject', { subject: nameFrom([]) }),
    of('O of another', parts('rival', principal.kind)),
    of(
      'OU of a service',
      parts(organizationNameOf(principal), principal.kind === 'service' ? 'device' : 'service'),
    ),
    of('no alternative name', { extensions: base.extensions.slice(0, 3) }),
    of('two URIs', san(uriName(uri), uriName(uri))),
    of('second URI of another', san(uriName(uri), uriName(other))),
    of('alternative name twice', { extensions: [...base.extensions, altNames(uriName(uri))] }),
    of('alternative name twice, second of another', {
      extensions: [...base.extensions, altNames(uriName(other))],
    }),
    of('URI of another organisation', san(uriName(other))),
    of('URI with NUL', san(uriName(`${uri}\u0000`))),
    of('URI in capitals', san(uriName(uri.toUpperCase()))),
    of('URI with one part more', san(uriName(`${uri}:x`))),
    of(
      'URI of a service',
      san(
        uriName(
          principal.kind === 'service' ? 'urn:edge:acme:integrations:x' : 'urn:edge:service:control-plane',
        ),
      ),
    ),
    of('URI with a wildcard', san(uriName('urn:edge:+:+'))),
    of('URI as a DNS name', san(contextBytes(2, Buffer.from(uri, 'latin1')))),
  ];
}

/** One bit flipped: in the signature, the names, the key, the dates. */
function byDamage(whole: Forged): Forged[] {
  const [leafPem = '', ...rest] =
    whole.chainPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  const der = new X509Certificate(leafPem).raw;
  const outer = itemsOf(decodeDer(der));
  const signature = bytesOf(outer?.[2], 'BITSTRING')?.length ?? 0;
  const places = [der.length - 1, der.length - Math.floor(signature / 2), 30, 60, 120, 200, 260];
  return places.map((place) => {
    const broken = Buffer.from(der);
    broken[place] = (broken[place] ?? 0) ^ 1;
    return {
      ...whole,
      name: `${whole.name}: bit flipped in byte ${place}`,
      chainPem: toPem('CERTIFICATE', broken) + rest.join(''),
    };
  });
}
