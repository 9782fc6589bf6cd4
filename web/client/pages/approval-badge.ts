/** How many registrations wait for a decision: asked once, and again with each change that the server tells of. */
import { html, type LitElement, nothing, type ReactiveController, type TemplateResult } from 'lit';
import { ApiError } from '../data/api-error.ts';
import type { ConsoleContext } from '../state/context.ts';
import { allows } from '../state/session.ts';

/** Changes within this time are asked for together. */
const GATHER_MS = 300;
/** More is not read at a glance. */
const MAX_SHOWN = 99;

export class ApprovalBadge implements ReactiveController {
  readonly #host: LitElement;
  readonly #context: () => ConsoleContext;
  #waiting = 0;
  #askedFor: string | null = null;
  #gather: ReturnType<typeof setTimeout> | undefined;
  #releases: (() => void)[] = [];

  constructor(host: LitElement, context: () => ConsoleContext) {
    this.#host = host;
    this.#context = context;
    host.addController(this);
  }

  hostConnected(): void {
    const { live, organization, session } = this.#context();
    this.#releases = [
      live.onEvent((event) => {
        if (event.kind === 'approval.changed') this.#soon();
      }),
      live.onResumed(() => this.#soon()),
      organization.subscribe(() => this.#soon()),
      session.subscribe(() => this.#onSession()),
    ];
    this.#onSession();
  }

  hostDisconnected(): void {
    clearTimeout(this.#gather);
    for (const release of this.#releases) release();
  }

  render(): TemplateResult | typeof nothing {
    if (this.#waiting === 0) return nothing;
    const shown = this.#waiting > MAX_SHOWN ? `${MAX_SHOWN}+` : String(this.#waiting);
    return html`<span class="nav-badge">${shown}<span class="visually-hidden"> waiting</span></span>`;
  }

  #onSession(): void {
    const session = this.#context().session.get();
    const who = session.kind === 'in' ? session.me.user_id : null;
    if (who === this.#askedFor) return;
    this.#askedFor = who;
    this.#soon();
  }

  #soon(): void {
    this.#gather ??= setTimeout(() => {
      this.#gather = undefined;
      void this.#ask();
    }, GATHER_MS);
  }

  async #ask(): Promise<void> {
    const { api, session, organization } = this.#context();
    const chosen = organization.get();
    const mayRead = session.get().kind === 'in' && allows(session.get(), 'enrollment.read', chosen);
    let waiting = 0;
    if (mayRead) {
      const query = {
        state: 'waiting' as const,
        page_size: 1,
        ...(chosen === null ? {} : { org_id: chosen }),
      };
      try {
        waiting = (await api.call('approvals.list', { query })).total;
      } catch (error) {
        // The next event asks again; an old number is worth more than none.
        if (error instanceof ApiError) return;
        throw error;
      }
    }
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    this.#host.requestUpdate();
  }
}
