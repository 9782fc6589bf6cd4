/** The enrolment use cases, put together. */
import type { Authority } from '#certs';
import type { Database } from '#db';
import type { RandomBytes } from '../access/secrets.ts';
import type { DeviceTokens } from '../credentials/device-token.ts';
import type { Logger } from '../log.ts';
import type { EnrollmentUseCases } from '../use-cases.ts';
import { createIntegrators } from './integrators.ts';
import { createRegister } from './register.ts';
import { createTokens } from './tokens.ts';

export interface EnrollmentDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceTokens: Pick<DeviceTokens, 'issue'>;
  readonly addresses: { readonly publicUrl: string; readonly mqttUrl: string; readonly serverPin: string };
  /** Life of a device's certificate. */
  readonly certificateDays: number;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

export const createEnrollmentUseCases = (deps: EnrollmentDeps): EnrollmentUseCases => ({
  ...createTokens(deps),
  ...createIntegrators(deps),
  register: createRegister(deps),
});
