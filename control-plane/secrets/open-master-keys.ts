/** Master keys as the settings say: the current provider, and the others that are set up, for keys that they wrapped. */
import { readFileSync } from 'node:fs';
import { AppError } from '../errors.ts';
import { type Settings, SettingsError } from '../settings.ts';
import { MissingPackageError } from './aws-connection.ts';
import { createAwsKms } from './aws-kms.ts';
import { openLocalMasterKey } from './local-master-key.ts';
import type { MasterKey, MasterKeys } from './master-key.ts';
import { createVaultClient, type VaultAuth, type VaultClient } from './vault-client.ts';
import { createVaultTransit } from './vault-transit.ts';

export type SecretSettings = Pick<
  Settings,
  | 'keyProvider'
  | 'vaultAddr'
  | 'vaultNamespace'
  | 'vaultCaFile'
  | 'vaultAuth'
  | 'vaultToken'
  | 'vaultRoleId'
  | 'vaultSecretId'
  | 'vaultKubernetesRole'
  | 'vaultKubernetesTokenFile'
  | 'vaultTransitMount'
  | 'vaultTransitKey'
  | 'vaultKvMount'
  | 'vaultSecretsPrefix'
  | 'awsRegion'
  | 'awsEndpointUrl'
  | 'awsKmsKeyId'
  | 'awsSecretsPrefix'
  | 'secretCacheSeconds'
>;

/**
 * @param dir folder of the local key file, made on first use
 * @throws SettingsError naming what is missing; nothing is asked of Vault or AWS yet
 */
export async function openMasterKeys(options: {
  readonly dir: string;
  readonly settings: SecretSettings;
  /** Null where VAULT_ADDR is not set. */
  readonly vault: VaultClient | null;
}): Promise<MasterKeys> {
  const { settings, vault } = options;
  const keys = new Map<string, MasterKey>();
  const kms = settings.awsKmsKeyId === null ? null : await openKms(settings, settings.awsKmsKeyId);
  if (kms !== null) keys.set(kms.name, kms);
  if (vault !== null) {
    const { vaultTransitMount: mount, vaultTransitKey: key } = settings;
    keys.set('vault', createVaultTransit({ client: vault, mount, key }));
  }
  keys.set('local', await openLocalMasterKey({ dir: options.dir }));
  const current = keys.get(settings.keyProvider);
  if (current === undefined) {
    const needed = settings.keyProvider === 'vault' ? 'VAULT_ADDR' : 'AWS_KMS_KEY_ID and AWS_REGION';
    throw new SettingsError(`KEY_PROVIDER=${settings.keyProvider}: ${needed} must be set as well.`);
  }
  return {
    current,
    of(name) {
      const key = keys.get(name);
      if (key === undefined) {
        throw new AppError('encryption.unavailable', {
          detail: `A data key was wrapped by the provider ${name}, which is not set up any more`,
        });
      }
      return key;
    },
    async stop() {
      kms?.stop();
    },
  };
}

async function openKms(settings: SecretSettings, keyId: string): ReturnType<typeof createAwsKms> {
  const { awsRegion: region, awsEndpointUrl: endpoint } = settings;
  if (region === null) throw new SettingsError('AWS_KMS_KEY_ID: AWS_REGION must be set as well.');
  try {
    return await createAwsKms({ region, endpoint, keyId });
  } catch (error) {
    if (error instanceof MissingPackageError) throw new SettingsError(error.message, { cause: error });
    throw error;
  }
}

/** Null where VAULT_ADDR is not set. @throws SettingsError naming what is missing */
export function openVault(settings: SecretSettings): VaultClient | null {
  const { vaultAddr, vaultNamespace: namespace, vaultCaFile } = settings;
  if (vaultAddr === null) return null;
  if (!URL.canParse(vaultAddr) || !/^https?:$/.test(new URL(vaultAddr).protocol)) {
    throw new SettingsError('VAULT_ADDR: must be an address such as https://vault.example:8200.');
  }
  const ca = vaultCaFile === null ? null : readCa(vaultCaFile);
  return createVaultClient({ address: vaultAddr, namespace, ca, auth: authOf(settings) });
}

function authOf(settings: SecretSettings): VaultAuth {
  const needed = (value: string | null, name: string): string => {
    if (value === null)
      throw new SettingsError(`VAULT_AUTH=${settings.vaultAuth}: ${name} must be set as well.`);
    return value;
  };
  switch (settings.vaultAuth) {
    case 'token':
      return { method: 'token', token: needed(settings.vaultToken, 'VAULT_TOKEN') };
    case 'approle':
      return {
        method: 'approle',
        roleId: needed(settings.vaultRoleId, 'VAULT_ROLE_ID'),
        secretId: needed(settings.vaultSecretId, 'VAULT_SECRET_ID'),
      };
    case 'kubernetes':
      return {
        method: 'kubernetes',
        role: needed(settings.vaultKubernetesRole, 'VAULT_KUBERNETES_ROLE'),
        tokenFile: settings.vaultKubernetesTokenFile,
      };
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SettingsError(`VAULT_CACERT: the file ${file} cannot be read.`, { cause });
  }
}
