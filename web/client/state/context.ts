/** What every page is given. Made once in main.ts; dumb elements never see it. */
import type { Api } from '../data/api.ts';
import type { Live } from '../data/live.ts';
import type { Clock } from './clock.ts';
import type { Notices } from './notices.ts';
import type { OrganizationChoice } from './organization-choice.ts';
import type { Router } from './router.ts';
import type { Session } from './session.ts';
import type { Theme } from './theme.ts';

export interface ConsoleContext {
  readonly api: Api;
  readonly live: Live;
  readonly session: Session;
  readonly router: Router;
  readonly organization: OrganizationChoice;
  readonly notices: Notices;
  readonly theme: Theme;
  readonly clock: Clock;
  /** A stream of Server-Sent Events beside `live`; whoever opens it closes it. */
  readonly openStream: (address: string) => EventSource;
}
