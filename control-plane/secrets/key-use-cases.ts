/** Data keys of an organisation and the master key of the installation, as people see and rotate them. */
import type { Database, MasterState, StoredDataKey } from '#db';
import type { EncryptionView, MasterKeyView } from '#web-api';
import { permit, permitGlobally } from '../access/permit.ts';
import { audited, byPerson } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { SecretUseCases } from '../secrets-use-cases.ts';
import type { Encryption } from './encryption.ts';
import type { SecretDeps } from './secret-use-cases.ts';

/** Newest first; an organisation that rotates each month has as many after four years. */
const SHOWN_KEYS = 50;
/** Keys whose rows wait to be sealed again: more rotations than this in a few minutes are a mistake. */
const MAX_RETIRING = 20;
/** Two processes must not make the next version of one key file at once. */
const MASTER_LOCK = 'master-key';

type OfKeys = Pick<SecretUseCases, 'encryption' | 'rotate' | 'master' | 'rotateMaster'>;

/** Keys belong to the owner of the tables: each method asks the policy first and then leaves the person's scope. */
export function createKeyUseCases(deps: SecretDeps): OfKeys {
  const { database, encryption } = deps;
  const masterNow = async () => masterView(await database.dataKeys.master(), encryption);
  return {
    async encryption(person, orgId) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'encryption.read', organization?.id, 'organization.not_found');
      return database.asOwner(() => encryptionView(database, encryption, organization.id));
    },

    async rotate(person, orgId) {
      const draft = byPerson(person, 'encryption.rotate', `organization:${orgId}`);
      return database.asOwner(async () => {
        await audited(deps, draft, async (stores, entry) => {
          const organization = await stores.organizations.find(orgId);
          permit(person, 'encryption.rotate', organization?.id, 'organization.not_found', entry);
          const keys = await stores.dataKeys.list(organization.id, SHOWN_KEYS);
          if (keys.filter(({ state }) => state === 'retiring').length >= MAX_RETIRING) {
            throw new AppError('encryption.rotation_running');
          }
          const made = await encryption.keyring.supersede(organization.id, stores.dataKeys);
          // Null: somebody else rotated at the same moment, and that is as good.
          entry.detail = { after: { key: made?.id ?? null, version: made?.version ?? null } };
        });
        encryption.keyring.forget(orgId.toLowerCase());
        return encryptionView(database, encryption, orgId);
      });
    },

    async master(person) {
      permitGlobally(person, 'encryption.master');
      return database.asOwner(masterNow);
    },

    async rotateMaster(person) {
      const draft = byPerson(person, 'encryption.rotate_master', 'installation:master-key');
      return database.asOwner(async () => {
        await audited(deps, draft, async (stores, entry) => {
          permitGlobally(person, 'encryption.master');
          const locked = await database.withLock(MASTER_LOCK, async () => {
            await encryption.masterKeys.current.rotate();
            return stores.dataKeys.beginMasterRotation(person.email);
          });
          if (locked === null) throw new AppError('encryption.rotation_running');
          const { generation, keysTotal } = locked;
          entry.detail = {
            after: { provider: encryption.masterKeys.current.name, generation, keys: keysTotal },
          };
        });
        return masterNow();
      });
    },
  };
}

async function encryptionView(
  database: Pick<Database, 'dataKeys' | 'sealedRows'>,
  { secrets }: Encryption,
  orgId: string,
): Promise<EncryptionView> {
  const keys = await database.dataKeys.list(orgId, SHOWN_KEYS);
  const rows: number[] = [];
  for (const { id, state } of keys) rows.push(state === 'retired' ? 0 : await database.sealedRows.count(id));
  return {
    keys: keys.map((key, index) => keyView(key, rows[index] ?? 0)),
    rotation: progressOf(keys, rows),
    secret_providers: [...secrets.providers],
  };
}

/** Pure. Over all keys that are being left. */
function progressOf(keys: readonly StoredDataKey[], rows: readonly number[]): EncryptionView['rotation'] {
  const retiring = keys.flatMap((key, index) =>
    key.state === 'retiring' ? [{ total: key.rowsAtStart ?? 0, left: rows[index] ?? 0 }] : [],
  );
  if (retiring.length === 0) return null;
  const left = retiring.reduce((sum, one) => sum + one.left, 0);
  return {
    left,
    total: Math.max(
      left,
      retiring.reduce((sum, one) => sum + one.total, 0),
    ),
  };
}

const keyView = (key: StoredDataKey, rows: number): EncryptionView['keys'][number] => ({
  id: key.id,
  version: key.version,
  state: key.state,
  provider: key.provider,
  rows,
  created_at: key.createdAt.toISOString(),
  superseded_at: key.supersededAt?.toISOString() ?? null,
  retired_at: key.retiredAt?.toISOString() ?? null,
  destroyed_at: key.destroyedAt?.toISOString() ?? null,
});

const masterView = (state: MasterState, { masterKeys }: Encryption): MasterKeyView => ({
  provider: masterKeys.current.name,
  generation: state.generation,
  rotated_at: state.rotatedAt?.toISOString() ?? null,
  rotated_by: state.rotatedBy,
  rotation:
    state.keysLeft === 0 ? null : { total: Math.max(state.keysTotal, state.keysLeft), left: state.keysLeft },
});
