/** The installation's own certificate authority: generations of root and issuing CA on disk, and what they sign. */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  type Arrangement,
  FIRST_GENERATION,
  type GenerationState,
  parseArrangement,
  readArrangementText,
  textOf,
  writeArrangement,
} from './arrangement.ts';
import {
  type AuthorityFolder,
  createAuthorityFolder,
  isFolderMissing,
  issuerOf,
  openAuthorityFolder,
} from './authority-folder.ts';
import { buildCertificate, buildRevocationList, nameOf, type Subject } from './certificate.ts';
import { createKeyPair, parseCsr } from './csr.ts';
import { listEndpoints, openEndpoint, pinOf } from './endpoint.ts';
import { AuthorityError, makeFolder, readIfThere, replaceFile } from './key-store.ts';
import { DAY_MS, lifeOf } from './life.ts';
import { isListOf, isListWorn, readRevocationList } from './revocation-list.ts';
import { readCertificate } from './verify.ts';

export type { Subject } from './certificate.ts';
export { AuthorityError } from './key-store.ts';

/** Foreign brokers refuse everybody once their list is over this age; publish a new one at half of it. */
export const CRL_DAYS = 30;
const CRL_FILE = 'crl.pem';

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
  /** The generation that signed it. */
  readonly authorityId: string;
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

/** One root with its issuing CA. */
export interface Generation {
  readonly id: string;
  readonly state: GenerationState;
  readonly rootPem: string;
  readonly issuingPem: string;
  /** Signs our own servers. */
  readonly isServing: boolean;
}

export interface Revoked {
  readonly serial: string;
  readonly revokedAt: Date;
  /** Absent or null: the first generation. */
  readonly authorityId?: string | null;
}

export interface Endpoint {
  readonly kind: 'server' | 'service';
  readonly name: string;
  /** Leaf first. */
  readonly chainPem: string;
  /** Null where none of the generations in use signed it. */
  readonly authorityId: string | null;
}

export interface PublishedList {
  readonly authorityId: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** At half of its life or beyond. */
  readonly isWorn: boolean;
}

/** What it says may change with `refresh` and `arrange`: read it when it is needed. */
export interface Authority {
  /** Every root that a client should trust; first the one that our servers stand under. */
  readonly rootPem: string;
  /** Issuing CAs and roots: what a server trusts to accept clients. First the issuing CA that signs. */
  readonly trustPem: string;
  readonly generations: readonly Generation[];
  /** For clients only. Takes nothing from the request but its key. @throws CsrError, RangeError for a bad subject. */
  issue(input: IssueInput): IssuedCertificate;
  /** As `issue`, for a P-256 key made here and never stored. */
  issueForNewKey(input: IssueForNewKeyInput): IssuedCertificate & { readonly privateKeyPem: string };
  /** A certificate of ours and the issuing CA that signed it, whichever generation that was. */
  chainOf(leafPem: string): string;
  /** Kept in the folder: same key for ever, new certificate at 2/3 of its life or when the hosts or the signer change. */
  serverCertificate(input: {
    name: string;
    hosts: readonly string[];
  }): Promise<{ keyPem: string; chainPem: string; pin: string }>;
  /** Client certificate of one of our own services (CN `service/{name}`), kept in the folder. */
  serviceCertificate(name: string): Promise<{ keyPem: string; chainPem: string }>;
  /** Every server and service that has a certificate in the folder. */
  endpoints(): Promise<readonly Endpoint[]>;
  /** Revoked and not yet expired certificates as PEM `X509 CRL`, one per generation, good for 30 days. */
  crl(revoked: readonly Revoked[]): string;
  /**
   * Writes `crl.pem` into the folder of each generation whose list is missing, at half of its life, or of other
   * certificates than `revoked`. @returns the generations written.
   */
  publishLists(revoked: readonly Revoked[]): Promise<readonly string[]>;
  /** The lists as they were last published. */
  publishedLists(): Promise<readonly PublishedList[]>;
  /** Keys of one more generation, in no use yet; idempotent. Without a new root it stands under the active one's. */
  prepare(id: string, options: { newRoot: boolean }): Promise<Omit<Generation, 'state' | 'isServing'>>;
  /** Takes these into use: here at once, in every other process on this folder at its next `refresh`. */
  arrange(arrangement: Arrangement): Promise<void>;
  /** Reads the arrangement again. @returns whether it changed. */
  refresh(): Promise<boolean>;
}

export interface AuthorityOptions {
  readonly dir: string;
  /** Encrypts every key on disk. Keys that were written without one are encrypted at the next opening. */
  readonly passphrase?: string | null;
  readonly now?: () => Date;
}

interface Opened extends AuthorityFolder {
  readonly id: string;
  readonly state: GenerationState;
}

/** All generations in use, the active one first. */
interface Loaded {
  /** Of the file; null before the first change of authority. */
  readonly text: string | null;
  readonly opened: readonly Opened[];
  readonly active: Opened;
  readonly serving: Opened;
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
  const first = join(dir, FIRST_GENERATION);
  if ((await readArrangementText(dir)) === null && (await isFolderMissing(first))) {
    await createAuthorityFolder(first, passphrase, now());
  }
  const load = async (): Promise<Loaded> => {
    const text = await readArrangementText(dir);
    return loadArrangement(text, parseArrangement(text, dir), (id) =>
      openAuthorityFolder(join(dir, id), passphrase, now()),
    );
  };
  let loaded = await load();

  const sign = (
    publicKey: KeyObject,
    input: Omit<IssueForNewKeyInput, 'days'>,
    days: number,
  ): IssuedCertificate => {
    const { id, issuing } = loaded.active;
    const pem = buildCertificate({
      issuer: issuerOf(issuing),
      subject: nameOf(input.subject),
      publicKey,
      ...lifeOf(days, now(), issuing.certificate),
      profile: { use: 'client', uri: input.identityUri, dnsName: input.dnsName ?? null },
    });
    return describe(pem, issuing.pem, id);
  };

  const listOf = ({ id, issuing }: Opened, revoked: readonly Revoked[]): string =>
    buildRevocationList(
      issuerOf(issuing),
      revokedBy(id, revoked),
      now(),
      new Date(now().getTime() + CRL_DAYS * DAY_MS),
    );

  return {
    get rootPem() {
      const { serving, opened } = loaded;
      return [...new Set([serving.root.pem, ...opened.map(({ root }) => root.pem)])].join('');
    },
    get trustPem() {
      return [...new Set(loaded.opened.flatMap(({ issuing, root }) => [issuing.pem, root.pem]))].join('');
    },
    get generations() {
      return loaded.opened.map((one) => ({
        id: one.id,
        state: one.state,
        rootPem: one.root.pem,
        issuingPem: one.issuing.pem,
        isServing: one === loaded.serving,
      }));
    },
    issue: (input) => sign(parseCsr(input.csrPem).publicKey, input, input.days),
    issueForNewKey(input) {
      const { privateKeyPem, publicKeyPem } = createKeyPair();
      return { ...sign(createPublicKey(publicKeyPem), input, input.days), privateKeyPem };
    },
    chainOf(leafPem) {
      const leaf = new X509Certificate(leafPem);
      const signer = loaded.opened.find(({ issuing }) => leaf.verify(issuing.certificate.publicKey));
      return `${leafPem.trimEnd()}\n${(signer ?? loaded.active).issuing.pem}`;
    },
    async serverCertificate({ name, hosts }) {
      const { issuing } = loaded.serving;
      const endpoint = await openEndpoint(
        { dir, passphrase, now, issuingPem: issuing.pem },
        {
          folder: `server-${name}`,
          isCurrent: (certificate) => coversExactly(certificate, hosts),
          certify: (publicKey, days) =>
            buildCertificate({
              issuer: issuerOf(issuing),
              subject: nameOf({ commonName: name }),
              publicKey,
              ...lifeOf(days, now(), issuing.certificate),
              profile: { use: 'server', hosts },
            }),
        },
      );
      return { ...endpoint, pin: pinOf(endpoint.keyPem) };
    },
    serviceCertificate: (name) =>
      openEndpoint(
        { dir, passphrase, now, issuingPem: loaded.active.issuing.pem },
        {
          folder: `service-${name}`,
          isCurrent: () => true,
          certify: (publicKey, days) => {
            const subject = { commonName: `service/${name}`, organization: 'service', unit: 'service' };
            return sign(publicKey, { subject, identityUri: `urn:edge:service:${name}` }, days).pem;
          },
        },
      ),
    async endpoints() {
      const found = await listEndpoints(dir);
      return found.map((endpoint) => {
        const leaf = new X509Certificate(endpoint.chainPem);
        const signer = loaded.opened.find(({ issuing }) => leaf.verify(issuing.certificate.publicKey));
        return { ...endpoint, authorityId: signer?.id ?? null };
      });
    },
    crl: (revoked) => loaded.opened.map((one) => listOf(one, revoked)).join(''),
    async publishLists(revoked) {
      const written: string[] = [];
      for (const one of loaded.opened) {
        const path = join(dir, one.id, CRL_FILE);
        const text = await readIfThere(path);
        const published = text === null ? null : readRevocationList(text);
        const serials = revokedBy(one.id, revoked).map(({ serial }) => serial);
        if (published !== null && !isListWorn(published, now()) && isListOf(published, serials)) continue;
        await replaceFile(path, listOf(one, revoked));
        written.push(one.id);
      }
      return written;
    },
    async publishedLists() {
      const lists: PublishedList[] = [];
      for (const { id } of loaded.opened) {
        const text = await readIfThere(join(dir, id, CRL_FILE));
        const list = text === null ? null : readRevocationList(text);
        if (list === null) continue;
        const { thisUpdate, nextUpdate } = list;
        lists.push({ authorityId: id, thisUpdate, nextUpdate, isWorn: isListWorn(list, now()) });
      }
      return lists;
    },
    async prepare(id, { newRoot }) {
      const folder = join(dir, id);
      if (await isFolderMissing(folder)) {
        await createAuthorityFolder(folder, passphrase, now(), newRoot ? undefined : loaded.active.root);
      }
      const { root, issuing } = await openAuthorityFolder(folder, passphrase, now());
      return { id, rootPem: root.pem, issuingPem: issuing.pem };
    },
    async arrange(arrangement) {
      if (textOf(arrangement) === loaded.text) return;
      await writeArrangement(dir, arrangement);
      loaded = await load();
    },
    async refresh() {
      if ((await readArrangementText(dir)) === loaded.text) return false;
      loaded = await load();
      return true;
    },
  };
}

const revokedBy = (id: string, revoked: readonly Revoked[]): Revoked[] =>
  revoked.filter(({ authorityId }) => (authorityId ?? FIRST_GENERATION) === id);

async function loadArrangement(
  text: string | null,
  { generations, servers }: Arrangement,
  open: (id: string) => Promise<AuthorityFolder>,
): Promise<Loaded> {
  const opened: Opened[] = [];
  for (const { id, state } of generations) opened.push({ id, state, ...(await open(id)) });
  opened.sort((left, right) => Number(right.state === 'active') - Number(left.state === 'active'));
  const [active] = opened;
  const serving = opened.find(({ id }) => id === servers);
  if (active === undefined || serving === undefined) throw new AuthorityError('No authority is active.');
  return { text, opened, active, serving };
}

function coversExactly(certificate: X509Certificate, hosts: readonly string[]): boolean {
  const isCovered = (host: string): boolean =>
    (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)) !==
    undefined;
  return (certificate.subjectAltName ?? '').split(', ').length === hosts.length && hosts.every(isCovered);
}

function describe(pem: string, issuingPem: string, authorityId: string): IssuedCertificate {
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
    authorityId,
  };
}
