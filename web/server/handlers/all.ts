/** The handler of every JSON row. */
import type { ControlPlane } from '#control-plane';
import type { Handlers } from '../call.ts';
import { approvalHandlers, claimHandlers } from './approvals.ts';
import { auditHandlers } from './audit.ts';
import { certificateHandlers } from './certificates.ts';
import { credentialHandlers } from './credentials.ts';
import { deviceHandlers } from './devices.ts';
import { enrollmentHandlers } from './enrollment.ts';
import { oidcHandlers } from './oidc.ts';
import { peopleHandlers } from './people.ts';
import { secretHandlers } from './secrets.ts';
import { signInHandlers } from './sign-in.ts';
import { telemetryHandlers } from './telemetry.ts';

export const allHandlers = ({
  access,
  credentials,
  oidc,
  people,
  audit,
  fleet,
  device,
  enrollment,
  approvals,
  claims,
  telemetry,
  secrets,
  certificates,
}: ControlPlane): Handlers => ({
  ...signInHandlers(access, oidc),
  ...credentialHandlers(credentials),
  ...oidcHandlers(access, oidc),
  ...peopleHandlers(access, people),
  ...auditHandlers(audit),
  ...deviceHandlers(fleet, device, enrollment),
  ...enrollmentHandlers(enrollment, fleet),
  ...approvalHandlers(approvals),
  ...claimHandlers(claims),
  ...telemetryHandlers(telemetry, device),
  ...secretHandlers(secrets),
  ...certificateHandlers(certificates),
});
