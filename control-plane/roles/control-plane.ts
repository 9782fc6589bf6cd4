/** `--role control-plane`: ingest from the broker, acknowledgements, revocations and jobs. Needs certs and DATABASE_URL. */
import { openDatabase } from '#db';
import { openCheckpointSigner } from '../audit/checkpoint-key.ts';
import { openDeviceTokens } from '../credentials/device-token.ts';
import { openEncryption } from '../secrets/encryption.ts';
import { startControlPlaneService } from '../service.ts';
import type { Settings } from '../settings.ts';
import { addressesOf } from '../supervisor/addresses.ts';
import { pathsOf } from '../supervisor/paths.ts';
import { followAuthority, openOwnAuthority } from './own-certificates.ts';
import { requireDatabaseUrl } from './required-database.ts';
import { runRole } from './run-role.ts';

export const runControlPlane = (settings: Settings): Promise<number> =>
  runRole('control-plane', settings, async (log) => {
    const authority = await openOwnAuthority(settings);
    const readCertificate = () => authority.serviceCertificate('control-plane');
    let tls = await readCertificate();
    const database = await openDatabase({ url: requireDatabaseUrl(settings), log });
    const encryption = await openEncryption({
      database,
      dir: pathsOf(settings.dataDir).keys,
      settings,
      log,
    });
    const service = await startControlPlaneService({
      database,
      authority,
      encryption,
      deviceTokens: await openDeviceTokens({ dir: pathsOf(settings.dataDir).keys }),
      auditSigner: await openCheckpointSigner({ dir: pathsOf(settings.dataDir).keys }),
      mqttUrl: addressesOf(settings).ownMqttUrl,
      // Read anew for each connection to the broker.
      get tls() {
        return tls;
      },
      get trustPem() {
        return authority.trustPem;
      },
      deviceCertificateDays: settings.deviceCertificateDays,
      log,
    });
    const watch = followAuthority({
      authority,
      current: tls,
      read: readCertificate,
      use: (latest) => {
        tls = latest;
      },
      log,
    });
    await service.ready;
    return {
      async stop() {
        await watch.stop();
        await service.stop();
        await encryption.stop();
        await database.close();
      },
    };
  });
