/** `/login`: signing in, and the password that must be changed at the first sign-in. */
import { html } from 'lit';
import { describedBy, field, fieldError, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { FormAction } from '../state/form-action.ts';
import { passwordBody, passwordFields } from './account-dialogs.ts';
import { ConsolePage } from './console-page.ts';

export const LOGIN_TAG = 'oc-login-page' as const;

export class LoginPage extends ConsolePage {
  readonly #signIn = new FormAction<true>(this);
  readonly #password = new FormAction<true>(this);

  override firstUpdated() {
    this.querySelector<HTMLElement>('input')?.focus();
  }

  override render() {
    const session = this.context.session.get();
    const mustChange = session.kind === 'in' && session.me.must_change_password;
    return html`<main class="sign-in">
      <span class="brand"><img src="/icon.svg" alt="" width="36" height="36" /><span>Ops-Center <span>Edge</span></span></span>
      ${mustChange ? this._change() : this._login()}
    </main>`;
  }

  private _login() {
    const { error, isBusy } = this.#signIn;
    return html`<form class="card" @submit=${this._submitLogin}>
      <h1 tabindex="-1">Sign in</h1>
      ${formError(error, ['email', 'password'])}
      ${field({
        id: 'email',
        label: 'E-mail',
        error: fieldError(error, 'email'),
        control: html`<input class="input" id="email" name="email" type="email" required maxlength="254" autocomplete="username" aria-describedby=${describedBy('email')} />`,
      })}
      ${field({
        id: 'password',
        label: 'Password',
        error: fieldError(error, 'password'),
        control: html`<input class="input" id="password" name="password" type="password" required maxlength="200" autocomplete="current-password" aria-describedby=${describedBy('password')} />`,
      })}
      <button type="submit" class="button primary wide" aria-busy=${isBusy ? 'true' : 'false'}>
        ${isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : ''}Sign in
      </button>
    </form>`;
  }

  private _change() {
    const { error, isBusy } = this.#password;
    return html`<form class="card" @submit=${this._submitPassword}>
      <h1 tabindex="-1">Choose your own password</h1>
      <p>The one you signed in with was made for you and works only for this step.</p>
      ${formError(error, ['current_password', 'new_password'])} ${passwordFields(error)}
      <button type="submit" class="button primary wide" aria-busy=${isBusy ? 'true' : 'false'}>
        ${isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : icon('lock')}Set password
      </button>
    </form>`;
  }

  private async _submitLogin(event: SubmitEvent) {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const isIn = await this.#signIn.run(() =>
      this.context.session.login(String(form.get('email') ?? '').trim(), String(form.get('password') ?? '')),
    );
    await this.updateComplete;
    this.querySelector<HTMLElement>(isIn ? 'input' : '#password')?.focus();
  }

  private async _submitPassword(event: SubmitEvent) {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    await this.#password.run(async () => {
      await this.context.api.call('auth.password', { body: passwordBody(form) });
      await this.context.session.refresh();
      this.context.notices.say('success', 'Password set. Welcome.');
    });
  }
}

customElements.define(LOGIN_TAG, LoginPage);
declare global {
  interface HTMLElementTagNameMap {
    [LOGIN_TAG]: LoginPage;
  }
}
