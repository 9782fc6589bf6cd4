/** Encryption at rest of one process: keys, the box that seals with them, secrets by name, and the jobs of rotation. */
import type { Database } from '#db';
import type { Job } from '../jobs/intervals.ts';
import type { Logger } from '../log.ts';
import { createAwsSecrets } from './aws-secrets.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import type { MasterKeys } from './master-key.ts';
import { openMasterKeys, openVault, type SecretSettings } from './open-master-keys.ts';
import { createSecretResolver, type SecretResolver } from './resolve.ts';
import { type RotationDeps, resealRetiring, rewrapOutdated, sealPlainRows } from './rotation.ts';
import { createSecretBox, type SecretBox } from './secret-box.ts';

/** How soon a rotation that was asked for begins. */
const ROTATION_EVERY_MS = 2000;

export interface Encryption {
  readonly secretBox: SecretBox;
  readonly keyring: Keyring;
  readonly masterKeys: MasterKeys;
  readonly secrets: SecretResolver;
  /**
   * The data keys of an organisation are gone for good, and with them whatever they sealed. Other processes may hold
   * one in memory for a minute longer. @returns how many keys
   */
  destroyKeys(orgId: string): Promise<number>;
  /** Everything that is due now; a job runs it again and again. */
  rotateDue(): Promise<void>;
  jobs(): readonly Job[];
  stop(): Promise<void>;
}

export interface EncryptionOptions {
  readonly database: Database;
  /** Folder of the local master key. */
  readonly dir: string;
  readonly settings: SecretSettings;
  readonly log: Logger;
  readonly now?: () => Date;
  readonly retireAfterMs?: number;
}

/** @throws SettingsError */
export async function openEncryption(options: EncryptionOptions): Promise<Encryption> {
  const { database, settings, log, now = () => new Date() } = options;
  const vault = openVault(settings);
  const masterKeys = await openMasterKeys({ dir: options.dir, settings, vault });
  // Keys are nobody's rows: whoever asks for a person's sake, the owner of the tables reads them.
  const dataKeys = asOwner(database, database.dataKeys);
  const sealedRows = asOwner(database, database.sealedRows);
  const keyring = createKeyring({ dataKeys, countRows: (id) => sealedRows.count(id), masterKeys, now });
  const secretBox = createSecretBox({ keyring });
  const { awsRegion: region, awsEndpointUrl: endpoint } = settings;
  const aws = region === null ? null : createAwsSecrets({ region, endpoint });
  const secrets = createSecretResolver({
    ...{ database, secretBox, log, now },
    vault:
      vault === null
        ? null
        : { client: vault, mount: settings.vaultKvMount, prefix: settings.vaultSecretsPrefix },
    aws: aws === null ? null : { client: aws, prefix: settings.awsSecretsPrefix },
    cacheMs: settings.secretCacheSeconds * 1000,
  });
  const { retireAfterMs } = options;
  const rotation: RotationDeps = {
    ...{ dataKeys, sealedRows, secretBox, keyring, masterKeys, log, now },
    ...(retireAfterMs === undefined ? {} : { retireAfterMs }),
  };

  async function rotateDue(): Promise<void> {
    await rewrapOutdated(rotation);
    await resealRetiring(rotation);
    await sealPlainRows(rotation);
  }

  return {
    ...{ secretBox, keyring, masterKeys, secrets, rotateDue },

    async destroyKeys(orgId) {
      const destroyed = await dataKeys.destroyAll(orgId);
      keyring.forget(orgId);
      log.info({ orgId, keys: destroyed }, 'data keys destroyed');
      return destroyed;
    },

    jobs: () => [
      {
        name: 'key-rotation',
        everyMs: ROTATION_EVERY_MS,
        run: async () => void (await database.withLock('job:key-rotation', rotateDue)),
      },
    ],

    async stop() {
      aws?.stop();
      await masterKeys.stop();
    },
  };
}

/** The same store, each call outside of the scope of the person for whom it is made. */
function asOwner<T extends object>(database: Pick<Database, 'asOwner'>, store: T): T {
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): Promise<unknown> =>
        database.asOwner(async () => Reflect.apply(member, target, args));
    },
  });
}
