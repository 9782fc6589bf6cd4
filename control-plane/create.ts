/** Builds the control plane that web/server programs against: its use cases over one database and one authority. */
import { randomBytes } from 'node:crypto';
import type { Authority } from '#certs';
import type { Database } from '#db';
import { createAccessUseCases } from './access/access-use-cases.ts';
import type { RandomBytes } from './access/secrets.ts';
import { withStoreErrors } from './access/store-failure.ts';
import type { BrokerAccess } from './broker-access.ts';
import type { DeviceTokens } from './credentials/device-token.ts';
import { createDeviceUseCases } from './device/device-use-cases.ts';
import { createEnrollmentUseCases } from './enrollment/enrollment-use-cases.ts';
import { AppError } from './errors.ts';
import { createFleetUseCases } from './fleet/fleet-use-cases.ts';
import { startIngest } from './ingest/ingest.ts';
import { startLiveEvents } from './live/live-events.ts';
import { createWatch } from './live/watch.ts';
import type { Logger } from './log.ts';
import type { Settings } from './settings.ts';
import { startTelemetryCache } from './settings-delivery/telemetry-cache.ts';
import { createTelemetryUseCases } from './telemetry/create-telemetry.ts';
import type { ControlPlane } from './use-cases.ts';

/** A readiness probe that takes longer is a no. */
const READY_TIMEOUT_MS = 2000;

export interface ControlPlaneOptions {
  /** Stays open when the control plane stops, as does the authority: both belong to the caller. */
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceTokens: DeviceTokens;
  readonly addresses: {
    /** `https://host:8443` */
    readonly publicUrl: string;
    /** `mqtts://host:8883` */
    readonly mqttUrl: string;
    /** `sha256//…` of the HTTPS key. */
    readonly serverPin: string;
  };
  readonly settings: Pick<Settings, 'deviceMtls' | 'deviceCertificateDays'>;
  /** For looking at devices live; without it `telemetry.watch` answers 'service.unavailable'. */
  readonly broker?: BrokerAccess;
  readonly log: Logger;
  readonly now?: () => Date;
  readonly random?: RandomBytes;
}

/** Listens for live events and takes what devices say over HTTPS from now on. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { database, authority, deviceTokens, addresses, settings, log } = options;
  const { now = () => new Date(), random = randomBytes } = options;
  const { deviceCertificateDays, deviceMtls } = settings;
  const deps = { database, authority, deviceTokens, addresses, log, now, random };
  const live = await startLiveEvents(database, log);
  const watch = createWatch({ database, broker: options.broker ?? null, events: live, log, now });
  const telemetryCache = await startTelemetryCache({ database, log });
  const ingest = startIngest({ database, telemetry: telemetryCache, log, now, retry: false });

  return {
    access: withStoreErrors(createAccessUseCases(deps)),
    fleet: withStoreErrors(createFleetUseCases(deps)),
    enrollment: withStoreErrors(
      createEnrollmentUseCases({ ...deps, certificateDays: deviceCertificateDays }),
    ),
    device: withStoreErrors(
      createDeviceUseCases({ ...deps, ingest, telemetryCache, deviceCertificateDays, deviceMtls }),
    ),
    telemetry: withStoreErrors(createTelemetryUseCases({ ...deps, watch })),
    material: {
      rootCertificate: authority.rootPem,
      crl: async () => authority.crl(await database.certificates.revoked(now())),
    },
    subscribe: (listener) => live.subscribe(listener),
    async ready() {
      try {
        await database.ping(READY_TIMEOUT_MS);
      } catch (cause) {
        throw new AppError('service.unavailable', { cause });
      }
    },
    async stop() {
      await watch.stop();
      await ingest.stop();
      await telemetryCache.stop();
      await live.stop();
    },
  };
}
