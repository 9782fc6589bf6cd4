/** `--role broker`: the MQTT broker alone. Needs the certs folder; no database. */
import { startBroker } from '#broker';
import type { Settings } from '../settings.ts';
import { followAuthority, openOwnAuthority, ownServerCertificate } from './own-certificates.ts';
import { runRole } from './run-role.ts';

/** How often the counters go to the log. */
const METRICS_EVERY_MS = 60_000;

export const runBroker = (settings: Settings): Promise<number> =>
  runRole('broker', settings, async (log) => {
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
    const watch = followAuthority({
      authority,
      current: certificate,
      read: readCertificate,
      use: (tls) => broker.useTls({ tls, trustPem: authority.trustPem }),
      log,
    });
    const metrics = setInterval(() => log.info({ ...broker.metrics() }, 'broker metrics'), METRICS_EVERY_MS);
    return {
      async stop() {
        clearInterval(metrics);
        await watch.stop();
        await broker.stop();
      },
    };
  });
