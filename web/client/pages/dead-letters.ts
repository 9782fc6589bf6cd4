/** `/admin/edge/dead-letters`: what devices sent and could not be stored, newest first. */
import { html, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import type { DeadLetterView } from '#web-api';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { dateTime } from '../format/time.ts';
import { visibleParts, visibleText } from '../logs/log-text.ts';
import { devicePath, PAGES } from '../state/addresses.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const DEAD_LETTERS_TAG = 'oc-dead-letters-page' as const;

const PAGE_SIZE = 50;
const SEARCH_DEBOUNCE_MS = 300;
const UUID = /^[0-9a-f-]{36}$/;

export class DeadLettersPage extends ConsolePage {
  readonly #list = new PagedList<DeadLetterView>(this, {
    context: () => this.context,
    what: 'dead letters',
    fetch: (cursor, signal) =>
      this.context.api.call('dead_letters.list', {
        query: { ...this.chosenOrganization, ...this.#filters(), page_size: PAGE_SIZE, ...cursor },
        signal,
      }),
  });
  #openId: number | null = null;
  #search: ReturnType<typeof setTimeout> | undefined;

  protected override open() {
    return [() => clearTimeout(this.#search)];
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (changed.has('location') && changed.get('location') !== undefined)
      void this.#list.load({ forget: true });
  }

  override render() {
    const { device_id, reason } = this.#filters();
    const name = this.#list.items?.find((letter) => letter.device_id === device_id)?.device_name;
    return html`
      ${pageHead({
        title: 'Dead letters',
        sub: 'What devices sent and could not be stored, with the reason. Their other records are not touched.',
        actions: html`<button type="button" class="button" aria-busy=${this.#list.isLoading ? 'true' : 'false'} @click=${() => void this.#list.load()}>${icon('refresh')}Refresh</button>`,
      })}
      <div class="card table-card">
        <div class="filters letters-filters" role="search" aria-label="Dead letters">
          <div class="search">
            ${icon('search')}<input class="input" type="search" aria-label="Part of the reason" placeholder="Part of the reason" maxlength="100" .value=${live(reason ?? '')} @input=${this._searched} />
          </div>
          ${device_id === undefined ? nothing : html`<span class="tag">${name ?? 'One device'}<button type="button" aria-label="All devices" @click=${() => this.#show(undefined, reason)}>${icon('cross')}</button></span>`}
        </div>
        ${this.#content()}
      </div>`;
  }

  #content() {
    const isFiltered = Object.keys(this.#filters()).length > 0;
    return this.#list.render({
      empty: emptyState({
        icon: isFiltered ? 'search' : 'check',
        title: isFiltered ? 'No dead letter matches' : 'No dead letters',
        text: isFiltered
          ? 'Try another reason, or all devices.'
          : 'Everything that devices sent could be stored.',
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Dead letters">
        <thead role="rowgroup">
          <tr role="row"><th role="columnheader" scope="col">Reason</th><th role="columnheader" scope="col">Device</th><th role="columnheader" scope="col">Channel</th><th role="columnheader" scope="col">Received</th></tr>
        </thead>
        <tbody role="rowgroup">${items.map((letter) => this.#row(letter))}</tbody>
      </table>`,
    });
  }

  #row(letter: DeadLetterView) {
    const isOpen = this.#openId === letter.id;
    return html`
      <tr class="row" role="row">
        <td role="cell" class="lead wrap"><div class="cell">
          <button type="button" class="expander" aria-expanded=${isOpen ? 'true' : 'false'} @click=${() => this.#toggle(letter.id)}>${icon('chevron-right')}<b>${visibleText(letter.reason)}</b></button>
        </div></td>
        <td role="cell" data-label="Device"><div class="cell">${letter.device_id === null ? html`<span class="quiet">Not known</span>` : html`<a href=${devicePath(letter.device_id)}>${letter.device_name ?? letter.device_id}</a>`}</div></td>
        <td role="cell" data-label="Channel"><div class="cell">${letter.channel ?? '–'}</div></td>
        <td role="cell" data-label="Received"><div class="cell">${dateTime(letter.received_at)}</div></td>
      </tr>
      ${
        isOpen
          ? html`<tr class="row detail-row" role="row"><td role="cell" class="whole wrap" colspan="4"><div class="cell letter-detail">
              <p class="fine">Topic <span class="mono">${visibleText(letter.topic)}</span></p>
              <pre tabindex="0" role="group" aria-label="Sample">${visibleParts(letter.sample).map((part) => (part.isMark ? html`<span class="hidden-mark">${part.text}</span>` : part.text))}</pre>
            </div></td></tr>`
          : nothing
      }`;
  }

  #filters(): { device_id?: string; reason?: string } {
    const device = this.location.search.get('device') ?? '';
    const reason = (this.location.search.get('reason') ?? '').slice(0, 100);
    return { ...(UUID.test(device) ? { device_id: device } : {}), ...(reason === '' ? {} : { reason }) };
  }

  private _searched = (event: Event) => {
    const text = event.currentTarget instanceof HTMLInputElement ? event.currentTarget.value.trim() : '';
    clearTimeout(this.#search);
    this.#search = setTimeout(() => this.#show(this.#filters().device_id, text), SEARCH_DEBOUNCE_MS);
  };

  #show(device: string | undefined, reason: string | undefined) {
    const query = new URLSearchParams();
    if (device !== undefined) query.set('device', device);
    if (reason !== undefined && reason !== '') query.set('reason', reason);
    this.context.router.go(PAGES['dead-letters'] + (query.size === 0 ? '' : `?${query}`), { replace: true });
  }

  #toggle(id: number) {
    this.#openId = this.#openId === id ? null : id;
    this.requestUpdate();
  }
}

customElements.define(DEAD_LETTERS_TAG, DeadLettersPage);
declare global {
  interface HTMLElementTagNameMap {
    [DEAD_LETTERS_TAG]: DeadLettersPage;
  }
}
