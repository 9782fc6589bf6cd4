/** Encryption at rest with a local master key in a folder of the test, or with what the settings say. */
import type { Database } from '#db';
import type { Logger } from '../../control-plane/log.ts';
import { type Encryption, openEncryption } from '../../control-plane/secrets/encryption.ts';
import type { SecretSettings } from '../../control-plane/secrets/open-master-keys.ts';
import { readSettings } from '../../control-plane/settings.ts';

const ignore = (): void => undefined;
const SILENT_LOG: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export const openTestEncryption = (
  database: Database,
  dir: string,
  options: {
    settings?: Partial<SecretSettings>;
    log?: Logger;
    retireAfterMs?: number;
    now?: () => Date;
  } = {},
): Promise<Encryption> =>
  openEncryption({
    database,
    dir,
    log: SILENT_LOG,
    ...options,
    settings: { ...readSettings([], {}), ...options.settings },
  });
