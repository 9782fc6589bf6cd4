/** The handler of every JSON row. */
import type { ControlPlane } from '#control-plane';
import type { Handlers } from '../call.ts';
import { accessHandlers } from './access.ts';
import { deviceHandlers } from './devices.ts';
import { enrollmentHandlers } from './enrollment.ts';
import { telemetryHandlers } from './telemetry.ts';

export const allHandlers = ({ access, fleet, device, enrollment, telemetry }: ControlPlane): Handlers => ({
  ...accessHandlers(access),
  ...deviceHandlers(fleet, device, enrollment),
  ...enrollmentHandlers(enrollment, fleet),
  ...telemetryHandlers(telemetry, device),
});
