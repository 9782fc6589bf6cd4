/** The installation's own certificate authority: a root and an issuing CA on disk, and what they sign. */
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  buildCertificate,
  buildRevocationList,
  type Issuer,
  keyIdentifierOf,
  nameOf,
  nameOfCertificate,
  type Subject,
} from './certificate.ts';
import { createKeyPair, parseCsr } from './csr.ts';
import { openEndpoint, pinOf } from './endpoint.ts';
import {
  AuthorityError,
  createOnce,
  exportKey,
  importKey,
  isEncryptedKey,
  makeFolder,
  readIfThere,
  replaceFile,
} from './key-store.ts';
import { DAY_MS, isWorn, lifeOf } from './life.ts';
import { readCertificate } from './verify.ts';

export type { Subject } from './certificate.ts';
export { AuthorityError } from './key-store.ts';

const ROOT_DAYS = 3652;
const ISSUING_DAYS = 1826;
/** Foreign brokers refuse everybody once their list is over this age; publish a new one at half of it. */
export const CRL_DAYS = 30;

export interface IssuedCertificate {
  /** Lower hex. */
  readonly serial: string;
  readonly pem: string;
  /** Leaf first, then the issuing CA; without the root. */
  readonly chainPem: string;
  /** One line, `O=…, OU=…, CN=…`. */
  readonly subject: string;
  /** SHA-256 of the DER, lower hex. */
  readonly fingerprintSha256: string;
  /** SHA-256 of the SPKI, lower hex. */
  readonly keyThumbprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface IssueForNewKeyInput {
  readonly subject: Subject;
  readonly identityUri: string;
  /** SAN DNS for RabbitMQ and NATS. */
  readonly dnsName?: string;
  /** Life; cut where the issuing CA ends earlier. */
  readonly days: number;
}

export interface IssueInput extends IssueForNewKeyInput {
  readonly csrPem: string;
}

export interface Authority {
  readonly rootPem: string;
  /** Issuing CA and root: what a server trusts to accept clients. */
  readonly trustPem: string;
  /** For clients only. Takes nothing from the request but its key. @throws CsrError, RangeError for a bad subject. */
  issue(input: IssueInput): IssuedCertificate;
  /** As `issue`, for a P-256 key made here and never stored. */
  issueForNewKey(input: IssueForNewKeyInput): IssuedCertificate & { readonly privateKeyPem: string };
  /** Kept in the folder: same key for ever, new certificate at 2/3 of its life or when the hosts change. */
  serverCertificate(input: {
    name: string;
    hosts: readonly string[];
  }): Promise<{ keyPem: string; chainPem: string; pin: string }>;
  /** Client certificate of one of our own services (CN `service/{name}`), kept in the folder. */
  serviceCertificate(name: string): Promise<{ keyPem: string; chainPem: string }>;
  /** Revoked and not yet expired certificates as PEM `X509 CRL`, good for 30 days. */
  crl(revoked: readonly { readonly serial: string; readonly revokedAt: Date }[]): string;
}

export interface AuthorityOptions {
  readonly dir: string;
  /** Encrypts every key on disk. Keys that were written without one are encrypted at the next opening. */
  readonly passphrase?: string | null;
  readonly now?: () => Date;
}

/**
 * Opens the authority in `dir`, making root and issuing CA on first use.
 * Two processes may do so at once: both then hold the same one.
 * @throws AuthorityError in one sentence for a wrong passphrase, a missing half or a damaged file.
 */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { dir, passphrase = null, now = () => new Date() } = options;
  await makeFolder(dir);
  await chmod(dir, 0o700);
  const folder = join(dir, 'ca');
  if ((await readIfThere(join(folder, 'root.pem'))) === null && (await isMissing(folder))) {
    await createOnce(folder, makeAuthority(passphrase, now()));
  }
  const root = await readHalf(folder, 'root', passphrase);
  let issuing = await readHalf(folder, 'issuing', passphrase);
  if (!issuing.certificate.verify(root.certificate.publicKey)) {
    throw new AuthorityError(
      `${folder}/issuing.pem was not signed by ${folder}/root.pem: restore both from one backup.`,
    );
  }
  if (isWorn(issuing.certificate, now())) {
    await replaceFile(join(folder, 'issuing.pem'), renewIssuing(root, issuing, now()));
    issuing = await readHalf(folder, 'issuing', passphrase);
  }
  return authorityOf({ dir, passphrase, now, root, issuing });
}

interface Half {
  readonly pem: string;
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

interface Opened {
  readonly dir: string;
  readonly passphrase: string | null;
  readonly now: () => Date;
  readonly root: Half;
  readonly issuing: Half;
}

function authorityOf({ dir, passphrase, now, root, issuing }: Opened): Authority {
  const issuer = issuerOf(issuing);
  const sign = (
    publicKey: KeyObject,
    input: Omit<IssueForNewKeyInput, 'days'>,
    days: number,
  ): IssuedCertificate => {
    const pem = buildCertificate({
      issuer,
      subject: nameOf(input.subject),
      publicKey,
      ...lifeOf(days, now(), issuing.certificate),
      profile: { use: 'client', uri: input.identityUri, dnsName: input.dnsName ?? null },
    });
    return describe(pem, issuing.pem);
  };
  const endpoints = { dir, passphrase, now, issuingPem: issuing.pem };
  return {
    rootPem: root.pem,
    trustPem: issuing.pem + root.pem,
    issue: (input) => sign(parseCsr(input.csrPem).publicKey, input, input.days),
    issueForNewKey(input) {
      const { privateKeyPem, publicKeyPem } = createKeyPair();
      return { ...sign(createPublicKey(publicKeyPem), input, input.days), privateKeyPem };
    },
    async serverCertificate({ name, hosts }) {
      const endpoint = await openEndpoint(endpoints, {
        folder: `server-${name}`,
        isCurrent: (certificate) => coversExactly(certificate, hosts),
        certify: (publicKey, days) =>
          buildCertificate({
            issuer,
            subject: nameOf({ commonName: name }),
            publicKey,
            ...lifeOf(days, now(), issuing.certificate),
            profile: { use: 'server', hosts },
          }),
      });
      return { ...endpoint, pin: pinOf(endpoint.keyPem) };
    },
    serviceCertificate: (name) =>
      openEndpoint(endpoints, {
        folder: `service-${name}`,
        isCurrent: () => true,
        certify: (publicKey, days) => {
          const subject = { commonName: `service/${name}`, organization: 'service', unit: 'service' };
          return sign(publicKey, { subject, identityUri: `urn:edge:service:${name}` }, days).pem;
        },
      }),
    crl: (revoked) =>
      buildRevocationList(issuer, revoked, now(), new Date(now().getTime() + CRL_DAYS * DAY_MS)),
  };
}

function makeAuthority(passphrase: string | null, at: Date): Record<string, string> {
  // Two installations must not share a name, or OpenSSL may try the wrong CA for a chain.
  const mark = randomBytes(4).toString('hex');
  const rootKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rootName = nameOf({ organization: 'Ops-Center Edge', commonName: `Ops-Center Edge root ${mark}` });
  const issuer = {
    privateKey: rootKeys.privateKey,
    name: rootName,
    keyIdentifier: keyIdentifierOf(rootKeys.publicKey),
  };
  const issuingKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    'root.key': exportKey(rootKeys.privateKey, passphrase),
    'root.pem': buildCertificate({
      issuer,
      subject: rootName,
      publicKey: rootKeys.publicKey,
      ...lifeOf(ROOT_DAYS, at),
      profile: { use: 'authority', pathLength: null },
    }),
    'issuing.key': exportKey(issuingKeys.privateKey, passphrase),
    'issuing.pem': buildCertificate({
      issuer,
      subject: nameOf({ organization: 'Ops-Center Edge', commonName: `Ops-Center Edge issuing CA ${mark}` }),
      publicKey: issuingKeys.publicKey,
      ...lifeOf(ISSUING_DAYS, at),
      profile: { use: 'authority', pathLength: 0 },
    }),
  };
}

/** Same name and key, so that certificates issued before still chain to it. */
const renewIssuing = (root: Half, issuing: Half, at: Date): string =>
  buildCertificate({
    issuer: issuerOf(root),
    subject: issuerOf(issuing).name,
    publicKey: issuing.certificate.publicKey,
    ...lifeOf(ISSUING_DAYS, at, root.certificate),
    profile: { use: 'authority', pathLength: 0 },
  });

async function readHalf(folder: string, name: 'root' | 'issuing', passphrase: string | null): Promise<Half> {
  const keyPath = join(folder, `${name}.key`);
  const [keyPem, pem] = await Promise.all([readIfThere(keyPath), readIfThere(join(folder, `${name}.pem`))]);
  if (keyPem === null || pem === null) {
    const missing = keyPem === null ? `${name}.key` : `${name}.pem`;
    throw new AuthorityError(
      `The certificate authority in ${folder} lacks ${missing}: restore the folder from a backup, or remove it to make a new authority and enrol every device again.`,
    );
  }
  const privateKey = importKey(keyPem, passphrase, keyPath);
  const certificate = parseOrThrow(pem, join(folder, `${name}.pem`));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new AuthorityError(`${keyPath} is not the key of ${name}.pem: restore both from one backup.`);
  }
  if (passphrase !== null && !isEncryptedKey(keyPem))
    await replaceFile(keyPath, exportKey(privateKey, passphrase));
  return { pem, certificate, privateKey };
}

function parseOrThrow(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new AuthorityError(`The certificate ${path} is damaged: restore it from a backup.`, { cause });
  }
}

const issuerOf = ({ certificate, privateKey }: Half): Issuer => ({
  privateKey,
  name: nameOfCertificate(certificate.raw),
  keyIdentifier: keyIdentifierOf(certificate.publicKey),
});

/** Neither half of anything is there: a first start. */
async function isMissing(folder: string): Promise<boolean> {
  const names = ['root.key', 'issuing.key', 'issuing.pem'];
  const found = await Promise.all(names.map((name) => readIfThere(join(folder, name))));
  return found.every((content) => content === null);
}

function coversExactly(certificate: X509Certificate, hosts: readonly string[]): boolean {
  const isCovered = (host: string): boolean =>
    (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)) !==
    undefined;
  return (certificate.subjectAltName ?? '').split(', ').length === hosts.length && hosts.every(isCovered);
}

function describe(pem: string, issuingPem: string): IssuedCertificate {
  const facts = readCertificate(pem);
  return {
    serial: facts.serial,
    pem,
    chainPem: pem + issuingPem,
    subject: new X509Certificate(pem).subject.split('\n').join(', '),
    fingerprintSha256: facts.fingerprintSha256,
    keyThumbprint: facts.keyThumbprint,
    notBefore: facts.notBefore,
    notAfter: facts.notAfter,
  };
}
