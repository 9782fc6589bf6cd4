/** The handler of every JSON row. */
import type { ControlPlane } from '#control-plane';
import type { Handlers } from '../call.ts';
import { accessHandlers } from './access.ts';
import { deviceHandlers } from './devices.ts';
import { enrollmentHandlers } from './enrollment.ts';

export const allHandlers = ({ access, fleet, device, enrollment }: ControlPlane): Handlers => ({
  ...accessHandlers(access),
  ...deviceHandlers(fleet, device, enrollment),
  ...enrollmentHandlers(enrollment, fleet),
});
