/**
 * The device's key pairs on disk. Key and chain of a pair share one file that is replaced whole, so that at every
 * moment, kill -9 or power cut included, one working pair is there.
 */
import { type Static, Type } from 'typebox';
import { AgentError } from './errors.ts';
import { faultOfPair, type Pair, STATE_FILES } from './identity.ts';
import type { StateFolder } from './state.ts';

const PairFile = Type.Object({ private_key: Type.String(), certificate_chain: Type.String() });
const CredentialsFile = Type.Object({
  current: PairFile,
  /** A renewal under way: first the key alone, then with its chain. */
  next: Type.Optional(
    Type.Object({ private_key: Type.String(), certificate_chain: Type.Optional(Type.String()) }),
  ),
});
type CredentialsFile = Static<typeof CredentialsFile>;

export interface Credentials {
  current(): Pair;
  /** The renewed pair that has not yet proved itself, once its chain is there. */
  next(): Pair | null;
  /** Keeps a key made by an earlier try, so that the server sees one request and not many. */
  beginRenewal(createKey: () => string): Promise<string>;
  /** @throws AgentError `refused` when the chain is not for this key and device; nothing is stored then. */
  storeNext(certificateChain: string): Promise<void>;
  /** The renewed pair has worked: it replaces the old one. */
  promoteNext(): Promise<void>;
  dropNext(): Promise<void>;
}

export const writeFirstPair = (folder: StateFolder, pair: Pair): Promise<void> =>
  folder.writeJson(STATE_FILES.credentials, { current: pair } satisfies CredentialsFile);

/** @throws AgentError `not_enrolled`, `state` */
export async function openCredentials(folder: StateFolder, clientId: string): Promise<Credentials> {
  const stored = await folder.readJson(STATE_FILES.credentials, CredentialsFile);
  if (stored === null) throw new AgentError('not_enrolled', `${folder.dir} holds no key of a device`);
  let file = stored;

  // Memory follows the disk, never the other way round.
  const save = async (changed: CredentialsFile): Promise<void> => {
    await folder.writeJson(STATE_FILES.credentials, changed);
    file = changed;
  };
  const nextPair = (): Pair | null => {
    const chain = file.next?.certificate_chain;
    return file.next === undefined || chain === undefined
      ? null
      : { private_key: file.next.private_key, certificate_chain: chain };
  };

  return {
    current: () => file.current,
    next: nextPair,
    async beginRenewal(createKey) {
      if (file.next !== undefined) return file.next.private_key;
      const privateKey = createKey();
      await save({ current: file.current, next: { private_key: privateKey } });
      return privateKey;
    },
    async storeNext(certificateChain) {
      if (file.next === undefined) throw new AgentError('refused', 'no renewal is under way');
      const pair = { private_key: file.next.private_key, certificate_chain: certificateChain };
      const fault = faultOfPair(pair, clientId);
      if (fault !== null) throw new AgentError('refused', fault);
      await save({ current: file.current, next: pair });
    },
    async promoteNext() {
      const pair = nextPair();
      if (pair !== null) await save({ current: pair });
    },
    async dropNext() {
      if (file.next !== undefined) await save({ current: file.current });
    },
  };
}
