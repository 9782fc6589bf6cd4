/** One generation of the authority on disk: root and issuing CA with their keys, made once, opened and kept fresh. */
import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { buildCertificate, type Issuer, keyIdentifierOf, nameOf, nameOfCertificate } from './certificate.ts';
import {
  AuthorityError,
  createOnce,
  exportKey,
  importKey,
  isEncryptedKey,
  readIfThere,
  replaceFile,
} from './key-store.ts';
import { isWorn, lifeOf } from './life.ts';

const ROOT_DAYS = 3652;
const ISSUING_DAYS = 1826;

export interface Half {
  readonly pem: string;
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export interface AuthorityFolder {
  readonly root: Half;
  readonly issuing: Half;
}

/**
 * Opens the two halves in `folder` and renews the issuing certificate when it is worn.
 * @throws AuthorityError in one sentence for a wrong passphrase, a missing half or a damaged file.
 */
export async function openAuthorityFolder(
  folder: string,
  passphrase: string | null,
  at: Date,
): Promise<AuthorityFolder> {
  const root = await readHalf(folder, 'root', passphrase);
  let issuing = await readHalf(folder, 'issuing', passphrase);
  if (!issuing.certificate.verify(root.certificate.publicKey)) {
    throw new AuthorityError(
      `${folder}/issuing.pem was not signed by ${folder}/root.pem: restore both from one backup.`,
    );
  }
  if (isWorn(issuing.certificate, at)) {
    await replaceFile(join(folder, 'issuing.pem'), renewIssuing(root, issuing, at));
    issuing = await readHalf(folder, 'issuing', passphrase);
  }
  return { root, issuing };
}

/** Makes both halves in one step, unless somebody else has; under `root` where one is given, else under a new one. */
export async function createAuthorityFolder(
  folder: string,
  passphrase: string | null,
  at: Date,
  root?: Half,
): Promise<void> {
  // Two installations, and two generations, must not share a name, or OpenSSL may try the wrong CA for a chain.
  const mark = randomBytes(4).toString('hex');
  const above = root ?? makeRoot(mark, at);
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await createOnce(folder, {
    'root.key': exportKey(above.privateKey, passphrase),
    'root.pem': above.pem,
    'issuing.key': exportKey(keys.privateKey, passphrase),
    'issuing.pem': buildCertificate({
      issuer: issuerOf(above),
      subject: nameOf({ organization: 'Ops-Center Edge', commonName: `Ops-Center Edge issuing CA ${mark}` }),
      publicKey: keys.publicKey,
      ...lifeOf(ISSUING_DAYS, at, above.certificate),
      profile: { use: 'authority', pathLength: 0 },
    }),
  });
}

/** Not one file of it is there: a first start. */
export async function isFolderMissing(folder: string): Promise<boolean> {
  const names = ['root.pem', 'root.key', 'issuing.key', 'issuing.pem'];
  const found = await Promise.all(names.map((name) => readIfThere(join(folder, name))));
  return found.every((content) => content === null);
}

export const issuerOf = ({ certificate, privateKey }: Half): Issuer => ({
  privateKey,
  name: nameOfCertificate(certificate.raw),
  keyIdentifier: keyIdentifierOf(certificate.publicKey),
});

function makeRoot(mark: string, at: Date): Half {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = nameOf({ organization: 'Ops-Center Edge', commonName: `Ops-Center Edge root ${mark}` });
  const pem = buildCertificate({
    issuer: { privateKey, name, keyIdentifier: keyIdentifierOf(publicKey) },
    subject: name,
    publicKey,
    ...lifeOf(ROOT_DAYS, at),
    profile: { use: 'authority', pathLength: null },
  });
  return { pem, certificate: new X509Certificate(pem), privateKey };
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
