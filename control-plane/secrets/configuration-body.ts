/** Bodies of configurations: sealed under the key of the device's organisation, bound to device and version. */
import type { Database } from '#db';
import { isSealed } from './sealed-text.ts';
import type { SealContext, SecretBox } from './secret-box.ts';

export interface ActiveConfiguration {
  readonly version: number;
  readonly data: unknown;
  readonly sha256: string | null;
  readonly appliedAt: Date | null;
}

export const configurationContext = (deviceId: string, version: number): SealContext => ({
  object: `configuration:${deviceId}`,
  version,
});

/** What `device_configurations.config_data` holds, as a JSON text. */
export const sealConfiguration = (
  secretBox: SecretBox,
  address: { readonly orgId: string; readonly deviceId: string; readonly version: number },
  body: unknown,
): Promise<string> =>
  secretBox.seal(
    { orgId: address.orgId },
    configurationContext(address.deviceId, address.version),
    Buffer.from(JSON.stringify(body)),
  );

/** The body in the clear; null where the device has none. @throws AppError 'encryption.…' */
export async function activeConfiguration(
  { database, secretBox }: { readonly database: Pick<Database, 'devices'>; readonly secretBox: SecretBox },
  orgId: string,
  deviceId: string,
): Promise<ActiveConfiguration | null> {
  const config = await database.devices.activeConfig(orgId, deviceId);
  // Rows from before encryption are objects; a job seals them.
  if (config === null || !isSealed(config.data)) return config;
  const context = configurationContext(deviceId, config.version);
  const bytes = await secretBox.open({ orgId }, context, config.data);
  return { ...config, data: JSON.parse(Buffer.from(bytes).toString('utf8')) };
}
