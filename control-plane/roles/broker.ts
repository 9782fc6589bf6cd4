/** `--role broker`: the MQTT broker alone. Needs the certs folder; no database. */
import { startBroker } from '#broker';
import type { Settings } from '../settings.ts';
import { openOwnAuthority, ownServerCertificate, watchCertificate } from './own-certificates.ts';
import { runRole } from './run-role.ts';

/** How often the counters go to the log. */
const METRICS_EVERY_MS = 60_000;

export const runBroker = (settings: Settings): Promise<number> =>
  runRole('broker', settings, async (log, endBecause) => {
    const authority = await openOwnAuthority(settings);
    const readCertificate = () => ownServerCertificate(authority, 'broker', settings);
    const certificate = await readCertificate();
    const broker = await startBroker({
      host: settings.mqttHost,
      port: settings.mqttPort,
      tls: certificate,
      trustPem: authority.trustPem,
      log,
    });
    const watch = watchCertificate(certificate, readCertificate, {
      changed: () => endBecause('own certificate renewed'),
      failed: (error) => log.error({ err: error }, 'own certificate cannot be read'),
    });
    const metrics = setInterval(() => log.info({ ...broker.metrics() }, 'broker metrics'), METRICS_EVERY_MS);
    return {
      async stop() {
        clearInterval(metrics);
        watch.stop();
        await broker.stop();
      },
    };
  });
