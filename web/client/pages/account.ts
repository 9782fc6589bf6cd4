/** `/admin/account`: what the person signs in with, where they are signed in, and their API keys. */
import { html, nothing } from 'lit';
import { KEY_SCOPES } from '#web-api';
import { formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { FormAction } from '../state/form-action.ts';
import { passwordBody, passwordFields } from './account-dialogs.ts';
import './account-sessions.ts';
import './api-key-list.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import './second-factor.ts';

export const ACCOUNT_TAG = 'oc-account-page' as const;

export class AccountPage extends ConsolePage {
  readonly #password = new FormAction<true>(this);

  override render() {
    const session = this.context.session.get();
    if (session.kind !== 'in') return nothing;
    const { me } = session;
    const own = new Set([...me.actions, ...me.memberships.flatMap(({ actions }) => actions)]);
    const scopes = KEY_SCOPES.filter((scope) => own.has(scope)).sort();
    return html`
      ${pageHead({ title: 'Your account', sub: html`${me.name} · ${me.email}` })}
      ${
        me.must_enroll_second_factor
          ? html`<div class="callout tone-warn account-notice" role="status">${icon('shield')}<div>An organisation of yours, or this installation, asks for a second factor. Set it up below to go on.</div></div>`
          : nothing
      }
      <div class="stack">
        ${me.has_password ? this.#passwordCard() : nothing}
        ${me.has_password ? html`<oc-second-factor .context=${this.context} .location=${this.location}></oc-second-factor>` : nothing}
        <oc-account-sessions .context=${this.context} .location=${this.location}></oc-account-sessions>
        <oc-api-key-list .context=${this.context} .location=${this.location} .scopes=${scopes}></oc-api-key-list>
      </div>`;
  }

  #passwordCard() {
    const { error, isBusy } = this.#password;
    return html`<section class="card" aria-label="Password">
      <div class="card-head"><h2>Password</h2></div>
      <form class="card-body form" @submit=${this.#submit}>
        ${formError(error, ['current_password', 'new_password'])}
        <div class="field-row">${passwordFields(error)}</div>
        <div class="button-row"><button type="submit" class="button" aria-busy=${isBusy ? 'true' : 'false'}>${icon('lock')}Change password</button>
        <span class="fine">Your other sessions are signed out.</span></div>
      </form>
    </section>`;
  }

  readonly #submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const isDone = await this.#password.run(async () => {
      await this.context.api.call('auth.password', { body: passwordBody(new FormData(form)) });
      this.context.notices.say('success', 'Password changed. Your other sessions are signed out.');
    });
    if (isDone) form.reset();
  };
}

customElements.define(ACCOUNT_TAG, AccountPage);
declare global {
  interface HTMLElementTagNameMap {
    [ACCOUNT_TAG]: AccountPage;
  }
}
