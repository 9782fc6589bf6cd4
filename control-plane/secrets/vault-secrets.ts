/** Secrets of organisations in Vault's KV engine, version 2. */
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { fieldOf, SecretFault } from './secret-fault.ts';
import { type VaultClient, VaultError } from './vault-client.ts';

const Read = Type.Object({
  data: Type.Object({ data: Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())]) }),
});

/** Where nobody names a field. */
const DEFAULT_FIELD = 'value';

/** @throws SecretFault */
export async function readVaultSecret(
  vault: { readonly client: VaultClient; readonly mount: string },
  path: string,
  field: string | null,
): Promise<string> {
  const address = path.split('/').map(encodeURIComponent).join('/');
  let answer: unknown;
  try {
    answer = await vault.client.call('GET', `${vault.mount}/data/${address}`);
  } catch (cause) {
    if (!(cause instanceof VaultError)) throw cause;
    if (cause.kind === 'not_found') throw new SecretFault('not_found', { cause });
    throw new SecretFault(cause.kind === 'denied' ? 'denied' : 'unavailable', { cause });
  }
  const decoded = decodeValue(Read, answer);
  // A deleted version has no data.
  if (!decoded.ok || decoded.value.data.data === null) throw new SecretFault('not_found');
  return fieldOf(decoded.value.data.data, field ?? DEFAULT_FIELD);
}
