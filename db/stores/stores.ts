/** All stores on one connection or pool. */
import type { Dialect } from '../timeseries/dialect.ts';
import { createAccountStore } from './accounts.ts';
import { createApiKeyStore } from './api-keys.ts';
import { createAuditStore } from './audit.ts';
import { createAuthorityStore } from './authorities.ts';
import { createCertificateBoardStore } from './certificate-board.ts';
import { createCertificateStore } from './certificates.ts';
import { createClaimCodeStore } from './claim-codes.ts';
import type { Stores } from './contracts/database.ts';
import { createDataKeyStore } from './data-keys.ts';
import { createDeviceStore } from './devices.ts';
import { createEnrollmentRequestStore } from './enrollment-requests.ts';
import { createGroupStore } from './groups.ts';
import { createIdentityStore } from './identities.ts';
import { createIntegratorStore } from './integrators.ts';
import { createLogStore } from './logs.ts';
import { createMetricTypeStore } from './metric-types.ts';
import { createOrganizationExportStore } from './organization-export.ts';
import { createOrganizationSecurityStore } from './organization-security.ts';
import { createOrganizationStore } from './organizations.ts';
import { createPresenceStore } from './presence.ts';
import { createProviderSessionStore } from './provider-sessions.ts';
import type { Queries } from './queries.ts';
import { createRefusalStore } from './refusals.ts';
import { createSealedRowStore } from './sealed-rows.ts';
import { createSecondFactorStore } from './second-factors.ts';
import { createSecretStore } from './secrets.ts';
import { createSeriesStore } from './series.ts';
import { createServiceAccountStore } from './service-accounts.ts';
import { createSessionStore } from './sessions.ts';
import { toStoreError, withStoreErrors } from './store-error.ts';
import { createTelemetryStore } from './telemetry.ts';
import { createTelemetrySettingsStore } from './telemetry-settings.ts';
import { createTokenStore } from './tokens.ts';
import { createUserStore } from './users.ts';

/** PostgreSQL's own limit is below 8,000 bytes. */
export const MAX_NOTIFY_BYTES = 7900;

export function createStores(queries: Queries, dialect: Dialect): Stores {
  return {
    organizations: withStoreErrors(createOrganizationStore(queries)),
    organizationSecurity: withStoreErrors(createOrganizationSecurityStore(queries)),
    organizationExport: withStoreErrors(createOrganizationExportStore(queries)),
    users: withStoreErrors(createUserStore(queries)),
    identities: withStoreErrors(createIdentityStore(queries)),
    providerSessions: withStoreErrors(createProviderSessionStore(queries)),
    accounts: withStoreErrors(createAccountStore(queries)),
    groups: withStoreErrors(createGroupStore(queries)),
    sessions: withStoreErrors(createSessionStore(queries)),
    secondFactors: withStoreErrors(createSecondFactorStore(queries)),
    apiKeys: withStoreErrors(createApiKeyStore(queries)),
    serviceAccounts: withStoreErrors(createServiceAccountStore(queries)),
    devices: withStoreErrors(createDeviceStore(queries)),
    presence: withStoreErrors(createPresenceStore(queries)),
    telemetry: withStoreErrors(createTelemetryStore(queries)),
    series: withStoreErrors(createSeriesStore(queries, dialect)),
    logs: withStoreErrors(createLogStore(queries)),
    telemetrySettings: withStoreErrors(createTelemetrySettingsStore(queries)),
    metricTypes: withStoreErrors(createMetricTypeStore(queries)),
    tokens: withStoreErrors(createTokenStore(queries)),
    certificates: withStoreErrors(createCertificateStore(queries)),
    certificateBoard: withStoreErrors(createCertificateBoardStore(queries)),
    authorities: withStoreErrors(createAuthorityStore(queries)),
    integrators: withStoreErrors(createIntegratorStore(queries)),
    enrollmentRequests: withStoreErrors(createEnrollmentRequestStore(queries)),
    claimCodes: withStoreErrors(createClaimCodeStore(queries)),
    dataKeys: withStoreErrors(createDataKeyStore(queries)),
    sealedRows: withStoreErrors(createSealedRowStore(queries)),
    secrets: withStoreErrors(createSecretStore(queries)),
    audit: withStoreErrors(createAuditStore(queries)),
    refusals: withStoreErrors(createRefusalStore(queries)),

    async notify(channel, payload) {
      const text = JSON.stringify(payload);
      if (Buffer.byteLength(text) > MAX_NOTIFY_BYTES) {
        throw new RangeError(
          `a notification holds at most ${MAX_NOTIFY_BYTES} bytes; send ids and let the listener read`,
        );
      }
      try {
        await queries.count('SELECT pg_notify($1, $2)', [channel, text]);
      } catch (error) {
        throw toStoreError(error);
      }
    },
  };
}
