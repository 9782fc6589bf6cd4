/** `--role control-plane`: ingest from the broker, acknowledgements, revocations and jobs. Needs certs and DATABASE_URL. */
import { openDatabase } from '#db';
import { openDeviceTokens } from '../credentials/device-token.ts';
import { startControlPlaneService } from '../service.ts';
import type { Settings } from '../settings.ts';
import { addressesOf } from '../supervisor/addresses.ts';
import { pathsOf } from '../supervisor/paths.ts';
import { openOwnAuthority, watchCertificate } from './own-certificates.ts';
import { requireDatabaseUrl } from './required-database.ts';
import { runRole } from './run-role.ts';

export const runControlPlane = (settings: Settings): Promise<number> =>
  runRole('control-plane', settings, async (log, endBecause) => {
    const authority = await openOwnAuthority(settings);
    const readCertificate = () => authority.serviceCertificate('control-plane');
    const tls = await readCertificate();
    const database = await openDatabase({ url: requireDatabaseUrl(settings), log });
    const service = await startControlPlaneService({
      database,
      authority,
      deviceTokens: await openDeviceTokens({ dir: pathsOf(settings.dataDir).keys }),
      mqttUrl: addressesOf(settings).ownMqttUrl,
      tls,
      trustPem: authority.trustPem,
      deviceCertificateDays: settings.deviceCertificateDays,
      log,
    });
    const watch = watchCertificate(tls, readCertificate, {
      changed: () => endBecause('own certificate renewed'),
      failed: (error) => log.error({ err: error }, 'own certificate cannot be read'),
    });
    await service.ready;
    return {
      async stop() {
        watch.stop();
        await service.stop();
        await database.close();
      },
    };
  });
