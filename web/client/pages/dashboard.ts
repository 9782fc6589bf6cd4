/** `/admin/edge/dashboard`: the fleet at a glance, live (SD-U10). */
import { html } from 'lit';
import type { Dashboard } from '#web-api';
import { errorState, skeletonRows } from '../components/states.ts';
import { count } from '../format/quantity.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { ingestCard, outboxCard, skewCard, statusTiles, topCards, typeCard } from './dashboard-cards.ts';

export const DASHBOARD_TAG = 'oc-dashboard-page' as const;

/** Hints come with every beat; nobody reads faster than this. */
const REFRESH_MS = 5000;
/** Minutes go by without a hint too. */
const QUIET_REFRESH_MS = 60_000;

export class DashboardPage extends ConsolePage {
  readonly #dashboard = new Resource<Dashboard>(this, (signal) =>
    this.context.api.call('dashboard.get', { query: this.chosenOrganization, signal }),
  );
  #soon: ReturnType<typeof setTimeout> | undefined;
  #loadedMs = 0;

  protected override open() {
    this.#load();
    const quiet = setInterval(() => this.#loadSoon(), QUIET_REFRESH_MS);
    return [
      this.context.live.onEvent(() => this.#loadSoon()),
      this.context.live.onResumed(() => this.#load()),
      this.context.organization.subscribe(() => {
        void this.#dashboard.load({ forget: true });
      }),
      () => clearInterval(quiet),
      () => clearTimeout(this.#soon),
    ];
  }

  override render() {
    const dashboard = this.#dashboard.value;
    const { error } = this.#dashboard;
    return html`
      ${pageHead({ title: 'Dashboard', sub: dashboard === null ? (error === null ? 'Loading…' : 'Not available now') : `${count(dashboard.total, 'device')} · the last hour` })}
      ${dashboard === null ? html`<div class="card">${error === null ? skeletonRows(8, 'Loading the dashboard') : errorState(error, () => this.#load())}</div>` : this.#cards(dashboard)}`;
  }

  #cards(dashboard: Dashboard) {
    const { error } = this.#dashboard;
    const mayDeadLetters = this.can('dead_letter.read', this.context.organization.get());
    return html`
      ${error === null ? '' : html`<div class="callout tone-warn" role="alert"><div>These numbers are old: ${error.message}</div></div>`}
      ${statusTiles(dashboard)}
      <div class="dashboard">
        ${ingestCard(dashboard, mayDeadLetters)} ${topCards(dashboard)}
        ${outboxCard(dashboard)} ${skewCard(dashboard)} ${typeCard(dashboard)}
      </div>`;
  }

  #load() {
    this.#loadedMs = performance.now();
    void this.#dashboard.load();
  }

  #loadSoon() {
    if (document.visibilityState === 'hidden') return;
    const waitMs = Math.max(0, this.#loadedMs + REFRESH_MS - performance.now());
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#load();
    }, waitMs);
  }
}

customElements.define(DASHBOARD_TAG, DashboardPage);
declare global {
  interface HTMLElementTagNameMap {
    [DASHBOARD_TAG]: DashboardPage;
  }
}
