/** Builds the control plane that web/server programs against: its use cases over one database and one authority. */
import { randomBytes } from 'node:crypto';
import type { Authority } from '#certs';
import type { Database } from '#db';
import { createAccessUseCases, type SignInSettings } from './access/access-use-cases.ts';
import { createPeopleUseCases } from './access/create-people.ts';
import type { RandomBytes } from './access/secrets.ts';
import { sessionLimitsOf } from './access/sessions.ts';
import { withStoreErrors } from './access/store-failure.ts';
import { behindTheWall } from './access/tenant-scope.ts';
import { createAuditLog } from './audit/audit-log.ts';
import type { CheckpointSigner } from './audit/checkpoint-key.ts';
import { foldRefusals } from './audit/refusal-fold.ts';
import { createCertificateUseCases } from './authorities/certificate-use-cases.ts';
import type { BrokerAccess } from './broker-access.ts';
import type { DeviceTokens } from './credentials/device-token.ts';
import { createDeviceUseCases } from './device/device-use-cases.ts';
import { createApprovals } from './enrollment/approvals.ts';
import { createClaims } from './enrollment/claims.ts';
import { createEnrollmentUseCases } from './enrollment/enrollment-use-cases.ts';
import { AppError } from './errors.ts';
import { createFleetUseCases } from './fleet/fleet-use-cases.ts';
import { type Ingest, startIngest } from './ingest/ingest.ts';
import { startLiveEvents } from './live/live-events.ts';
import { createWatch } from './live/watch.ts';
import type { Logger } from './log.ts';
import { createOidc } from './oidc/create-oidc.ts';
import type { ProviderOptions } from './oidc/provider-options.ts';
import type { Encryption } from './secrets/encryption.ts';
import { createKeyUseCases } from './secrets/key-use-cases.ts';
import { createSecretsByName } from './secrets/secret-use-cases.ts';
import { SETTINGS, type Settings } from './settings.ts';
import { startTelemetryCache } from './settings-delivery/telemetry-cache.ts';
import { createTelemetryUseCases } from './telemetry/create-telemetry.ts';
import { createExportSlots } from './telemetry/export-slots.ts';
import type { ControlPlane } from './use-cases.ts';

/** A readiness probe that takes longer is a no. */
const READY_TIMEOUT_MS = 2000;

export interface ControlPlaneOptions {
  /** Stays open when the control plane stops, as does the authority: both belong to the caller. */
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceTokens: DeviceTokens;
  /** Opened, and later stopped, by the caller. */
  readonly encryption: Encryption;
  readonly addresses: {
    /** `https://host:8443` */
    readonly publicUrl: string;
    /** `mqtts://host:8883` */
    readonly mqttUrl: string;
    /** `sha256//…` of the HTTPS key. */
    readonly serverPin: string;
  };
  readonly settings: Pick<Settings, 'deviceMtls' | 'deviceCertificateDays'> &
    Partial<SignInSettings & Pick<Settings, 'organizationGraceDays'>>;
  /** For looking at devices live; without it `telemetry.watch` answers 'service.unavailable'. */
  readonly broker?: BrokerAccess;
  /** For sign-in by an identity provider; without it there is none. */
  readonly identityProvider?: ProviderOptions | null;
  /** Knows the checkpoints of the audit log; without it each of them counts as a break of its chain. */
  readonly auditSigner?: Omit<CheckpointSigner, 'sign'>;
  readonly log: Logger;
  readonly now?: () => Date;
  readonly random?: RandomBytes;
}

/** Listens for live events and takes what devices say over HTTPS from now on. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { authority, deviceTokens, addresses, settings, log } = options;
  const { now = () => new Date(), random = randomBytes } = options;
  const folding = foldRefusals(options.database, log, now);
  const { database } = folding;
  const { deviceCertificateDays, deviceMtls } = settings;
  const { encryption } = options;
  const { secretBox } = encryption;
  const deps = { database, secretBox, authority, deviceTokens, addresses, log, now, random };
  const live = await startLiveEvents(database, log);
  const watch = createWatch({ database, broker: options.broker ?? null, events: live, log, now });
  const telemetryCache = await startTelemetryCache({ database, log });
  const ingest = startIngest({ database, telemetry: telemetryCache, log, now, retry: false });
  // What one caller sets going is done for many: transactions of several devices, settings of every organisation.
  const submit: Ingest['submit'] = (message) => database.asOwner(() => ingest.submit(message));
  const settingsReady = () => database.asOwner(async () => void (await telemetryCache.ready()));

  const sessionLimits = sessionLimitsOf({
    sessionIdleMinutes: settings.sessionIdleMinutes ?? SETTINGS.sessionIdleMinutes.default,
    sessionMaxHours: settings.sessionMaxHours ?? SETTINGS.sessionMaxHours.default,
  });
  const oidc = createOidc({ ...deps, sessionLimits, options: options.identityProvider ?? null });

  const access = createAccessUseCases({ ...deps, settings });

  return behindTheWall<ControlPlane>(database, {
    access: withStoreErrors({
      ...access.access,
      authenticateAccessToken: oidc.authenticateAccessToken,
    }),
    credentials: withStoreErrors(access.credentials),
    oidc: withStoreErrors(oidc.useCases),
    fleet: withStoreErrors(createFleetUseCases(deps)),
    enrollment: withStoreErrors(
      createEnrollmentUseCases({ ...deps, certificateDays: deviceCertificateDays }),
    ),
    approvals: withStoreErrors(createApprovals(deps)),
    claims: withStoreErrors(createClaims(deps)),
    device: withStoreErrors(
      createDeviceUseCases({
        ...deps,
        ingest: { submit },
        telemetryCache: { ...telemetryCache, ready: settingsReady },
        deviceCertificateDays,
        deviceMtls,
      }),
    ),
    people: withStoreErrors(
      createPeopleUseCases({
        ...deps,
        organizationGraceDays: settings.organizationGraceDays ?? SETTINGS.organizationGraceDays.default,
      }),
    ),
    telemetry: withStoreErrors(createTelemetryUseCases({ ...deps, watch })),
    secrets: withStoreErrors({
      ...createSecretsByName({ ...deps, encryption }),
      ...createKeyUseCases({ ...deps, encryption }),
    }),
    certificates: withStoreErrors(createCertificateUseCases(deps)),
    audit: withStoreErrors(
      createAuditLog({ ...deps, slots: createExportSlots(), signer: options.auditSigner ?? null }),
    ),
    material: {
      rootCertificates: () => authority.rootPem,
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
      await oidc.stop();
      await watch.stop();
      await ingest.stop();
      await telemetryCache.stop();
      await live.stop();
      await folding.stop();
    },
  });
}
