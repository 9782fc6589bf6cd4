/** The roots that this device trusts servers by: those of its enrolment, until the server names others over the live link. */
import { createHash, X509Certificate } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { AgentError } from './errors.ts';
import { type Identity, STATE_FILES } from './identity.ts';
import type { StateFolder } from './state.ts';

const TrustFile = Type.Object({ roots: Type.String({ minLength: 1 }) });
type TrustFile = Static<typeof TrustFile>;

/** An installation has one or two, for a while three. */
const MAX_ROOTS = 8;
/** Of a fingerprint, by which the server knows a root again. */
const MARK_CHARACTERS = 16;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

export interface Trust {
  /** PEM bundle for MQTT. */
  roots(): string;
  /** PEM bundle for HTTPS; undefined = the system's store. */
  httpsRoots(): string | undefined;
  /** Says in the facts which roots are trusted. */
  fact(): string;
  /**
   * Takes these roots in place of the ones before. `linkRoot`: SHA-256 of the root under which the present link stands,
   * lower hex. @throws AgentError `refused` for what is no bundle of roots, or lacks that one.
   */
  replace(rootsPem: string, linkRoot: string | null): Promise<void>;
}

export async function openTrust(folder: StateFolder, identity: Identity): Promise<Trust> {
  let stored: TrustFile | null = await folder.readJson(STATE_FILES.trust, TrustFile);
  const roots = (): string => stored?.roots ?? identity.ca_certificate;
  return {
    roots,
    httpsRoots() {
      if (identity.https_ca === null) return undefined;
      // What the enrolment was told to trust stays, unless it was the installation's own root, which may go.
      const isOwn = identity.https_ca.trim() === identity.ca_certificate.trim();
      return isOwn ? roots() : `${identity.https_ca}\n${roots()}`;
    },
    fact: () =>
      splitRoots(roots())
        .map((pem) => fingerprintOf(new X509Certificate(pem)).slice(0, MARK_CHARACTERS))
        .join(' '),
    async replace(rootsPem, linkRoot) {
      const fault = faultOfRoots(rootsPem, linkRoot);
      if (fault !== null) throw new AgentError('refused', `The server's roots cannot be used: ${fault}`);
      const changed = { roots: splitRoots(rootsPem).join('') };
      await folder.writeJson(STATE_FILES.trust, changed);
      stored = changed;
    },
  };
}

/** Pure. A bundle without the root of the link that it came over could lock the device out for good. */
export function faultOfRoots(rootsPem: string, linkRoot: string | null): string | null {
  const pems = splitRoots(rootsPem);
  if (pems.length === 0 || pems.length > MAX_ROOTS) return 'there must be one to eight certificates';
  try {
    const roots = pems.map((pem) => new X509Certificate(pem));
    if (!roots.every(isRoot)) return 'one of them is no root of an authority';
    return linkRoot !== null && roots.some((root) => fingerprintOf(root) === linkRoot)
      ? null
      : 'the root of the present link is not among them';
  } catch {
    return 'one of them cannot be read';
  }
}

const isRoot = (certificate: X509Certificate): boolean =>
  certificate.ca && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);

export const splitRoots = (bundlePem: string): string[] => bundlePem.match(CERTIFICATE) ?? [];

/** SHA-256 of the DER, lower hex. */
export const fingerprintOf = (certificate: X509Certificate): string =>
  createHash('sha256').update(certificate.raw).digest('hex');
