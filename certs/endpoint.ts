/** Key and certificate of one of our own servers or services, kept in the authority's folder. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AuthorityError,
  createOnce,
  exportKey,
  importKey,
  isEncryptedKey,
  readIfThere,
  replaceFile,
} from './key-store.ts';
import { isWorn } from './life.ts';

/** Renewed at two thirds, so a process that starts once in four months never meets the end. */
const ENDPOINT_DAYS = 397;

/** Names become folder names. */
const ENDPOINT_FOLDER = /^(server|service)-[a-z0-9][a-z0-9-]{0,39}$/;

export interface EndpointStore {
  readonly dir: string;
  readonly passphrase: string | null;
  readonly now: () => Date;
  readonly issuingPem: string;
}

export interface EndpointSpec {
  readonly folder: string;
  /** Does the certificate on disk still say what is wanted? */
  isCurrent(certificate: X509Certificate): boolean;
  /** PEM of a new certificate for the key. */
  certify(publicKey: KeyObject, days: number): string;
}

/** The same key for ever (it may be pinned); a new certificate when worn, changed or signed by an older CA. */
export async function openEndpoint(
  store: EndpointStore,
  spec: EndpointSpec,
): Promise<{ keyPem: string; chainPem: string }> {
  if (!ENDPOINT_FOLDER.test(spec.folder)) {
    throw new RangeError(
      `Name of a server or service must be lower case letters, digits and dashes: ${spec.folder}`,
    );
  }
  const folder = join(store.dir, spec.folder);
  const keyPath = join(folder, 'key.pem');
  const chainPath = join(folder, 'chain.pem');
  if ((await readIfThere(keyPath)) === null) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await createOnce(folder, {
      'key.pem': exportKey(privateKey, store.passphrase),
      'chain.pem': spec.certify(publicKey, ENDPOINT_DAYS) + store.issuingPem,
    });
  }
  const stored = await readIfThere(keyPath);
  if (stored === null) {
    throw new AuthorityError(`${folder} lacks key.pem: remove the folder, it will be made anew.`);
  }
  const privateKey = importKey(stored, store.passphrase, keyPath);
  if (store.passphrase !== null && !isEncryptedKey(stored)) {
    await replaceFile(keyPath, exportKey(privateKey, store.passphrase));
  }
  let chainPem = await readIfThere(chainPath);
  if (chainPem === null || !isUsable(chainPem, privateKey, store, spec)) {
    chainPem = spec.certify(createPublicKey(privateKey), ENDPOINT_DAYS) + store.issuingPem;
    await replaceFile(chainPath, chainPem);
  }
  return { keyPem: exportKey(privateKey, null), chainPem };
}

/** Name and chain of all that are in the folder. */
export async function listEndpoints(
  dir: string,
): Promise<{ kind: 'server' | 'service'; name: string; chainPem: string }[]> {
  const found: { kind: 'server' | 'service'; name: string; chainPem: string }[] = [];
  for (const folder of (await readdir(dir)).sort()) {
    const kind = ENDPOINT_FOLDER.exec(folder)?.[1];
    const chainPem = kind === undefined ? null : await readIfThere(join(dir, folder, 'chain.pem'));
    if (chainPem === null || (kind !== 'server' && kind !== 'service')) continue;
    found.push({ kind, name: folder.slice(kind.length + 1), chainPem });
  }
  return found;
}

/** Pin of a server's key as curl writes it. */
export const pinOf = (privateKeyPem: string): string => {
  const spki = createPublicKey(createPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(spki).digest('base64')}`;
};

function isUsable(
  chainPem: string,
  privateKey: KeyObject,
  store: EndpointStore,
  spec: EndpointSpec,
): boolean {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chainPem);
  } catch {
    // A damaged certificate is no loss: the key is there and a new one is signed at once.
    return false;
  }
  return (
    chainPem.endsWith(store.issuingPem) &&
    certificate.checkPrivateKey(privateKey) &&
    certificate.verify(new X509Certificate(store.issuingPem).publicKey) &&
    !isWorn(certificate, store.now()) &&
    spec.isCurrent(certificate)
  );
}
