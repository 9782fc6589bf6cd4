/** Any address that is no page. */
import { html } from 'lit';
import { emptyState } from '../components/states.ts';
import { PAGES } from '../state/addresses.ts';
import { ConsolePage, pageHead } from './console-page.ts';

export const NOT_FOUND_TAG = 'oc-not-found-page' as const;

export class NotFoundPage extends ConsolePage {
  override render() {
    return html`
      ${pageHead({ title: 'Not found' })}
      <div class="card">
        ${emptyState({
          icon: 'search',
          title: 'There is no such page',
          text: 'The address may be mistyped, or the page has moved.',
          action: html`<a class="button" href=${PAGES.devices}>Go to the devices</a>`,
        })}
      </div>`;
  }
}

customElements.define(NOT_FOUND_TAG, NotFoundPage);
declare global {
  interface HTMLElementTagNameMap {
    [NOT_FOUND_TAG]: NotFoundPage;
  }
}
