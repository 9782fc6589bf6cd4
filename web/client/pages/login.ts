/** `/login`: password, code, the identity provider's button, and the password that must be changed at the first sign-in. */
import { html, nothing } from 'lit';
import { type AuthMethods, ROUTES } from '#web-api';
import { describedBy, field, fieldError, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { FormAction } from '../state/form-action.ts';
import { Resource } from '../state/resource.ts';
import { passwordBody, passwordFields } from './account-dialogs.ts';
import { ConsolePage } from './console-page.ts';

export const LOGIN_TAG = 'oc-login-page' as const;

export class LoginPage extends ConsolePage {
  readonly #signIn = new FormAction<true>(this);
  readonly #password = new FormAction<true>(this);
  readonly #methods = new Resource<AuthMethods>(this, (signal) =>
    this.context.api.call('auth.methods', { signal }),
  );
  /** What was right so far, while the code is asked for; never longer than this page. */
  #halfway: { readonly email: string; readonly password: string } | null = null;

  protected override open() {
    void this.#methods.load();
    return [];
  }

  override firstUpdated() {
    this.querySelector<HTMLElement>('input')?.focus();
  }

  override render() {
    const session = this.context.session.get();
    const mustChange = session.kind === 'in' && session.me.must_change_password;
    return html`<main class="sign-in">
      <span class="brand"><img src="/icon.svg" alt="" width="36" height="36" /><span>Ops-Center <span>Edge</span></span></span>
      ${mustChange ? this._change() : this.#halfway === null ? this._login() : this._code()}
    </main>`;
  }

  private _login() {
    const { error, isBusy } = this.#signIn;
    return html`<form class="card" @submit=${this._submitLogin}>
      <h1 tabindex="-1">Sign in</h1>
      ${formError(error, ['email', 'password'])} ${this._refusedByProvider()}
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
      ${this._provider()}
    </form>`;
  }

  /** A link, not a script: the browser goes to the provider and comes back with our cookie. */
  private _provider() {
    const provider = this.#methods.value?.oidc ?? null;
    if (provider === null) return nothing;
    const next = this.location.search.get('next');
    const query = next === null ? '' : `?return_to=${encodeURIComponent(next)}`;
    return html`<a class="button wide" href="${ROUTES['oidc.login'].path}${query}">${icon('shield')}Sign in with ${provider.label}</a>`;
  }

  /** The provider's way back brings a code of ours where it went wrong. */
  private _refusedByProvider() {
    const words = PROVIDER_ERRORS[this.location.search.get('error') ?? ''];
    return words === undefined
      ? nothing
      : html`<div class="callout tone-bad" role="alert">${icon('alert')}<div>${words}</div></div>`;
  }

  private _code() {
    const { error, isBusy } = this.#signIn;
    const shown = error?.code === 'auth.totp_required' ? null : error;
    return html`<form class="card" @submit=${this._submitCode}>
      <h1 tabindex="-1">Enter your code</h1>
      <p>Your password is right. Now the code that your authenticator app shows, or one of your recovery codes.</p>
      ${formError(shown, ['code'])}
      ${field({
        id: 'code',
        label: 'Code',
        error: fieldError(shown, 'code'),
        control: html`<input class="input mono" id="code" name="code" required minlength="6" maxlength="30" autocomplete="one-time-code" autocapitalize="off" spellcheck="false" aria-describedby=${describedBy('code')} />`,
      })}
      <button type="submit" class="button primary wide" aria-busy=${isBusy ? 'true' : 'false'}>
        ${isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : ''}Continue
      </button>
      <button type="button" class="button wide" @click=${this._startAgain}>Back</button>
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
    const credentials = {
      email: String(form.get('email') ?? '').trim(),
      password: String(form.get('password') ?? ''),
    };
    const isIn = await this.#signIn.run(() => this.context.session.login(credentials));
    if (this.#signIn.error?.code === 'auth.totp_required') {
      this.#halfway = credentials;
      this.requestUpdate();
    }
    await this.updateComplete;
    this.querySelector<HTMLElement>(this.#halfway !== null ? '#code' : isIn ? 'input' : '#password')?.focus();
  }

  private async _submitCode(event: SubmitEvent) {
    event.preventDefault();
    const halfway = this.#halfway;
    if (!(event.currentTarget instanceof HTMLFormElement) || halfway === null) return;
    const code = String(new FormData(event.currentTarget).get('code') ?? '').trim();
    const isIn = await this.#signIn.run(() => this.context.session.login({ ...halfway, code }));
    if (isIn) this.#halfway = null;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>(isIn ? 'input' : '#code')?.focus();
  }

  private async _startAgain() {
    this.#halfway = null;
    this.#signIn.open(true);
    await this.updateComplete;
    this.querySelector<HTMLElement>('#email')?.focus();
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

const PROVIDER_ERRORS: Readonly<Record<string, string>> = {
  'auth.oidc_refused': 'The identity provider’s answer could not be accepted. Try again.',
  'auth.oidc_no_access': 'The identity provider gives you no role here. Ask your administrator.',
  'auth.oidc_unavailable': 'The identity provider does not answer. Try again later.',
  'auth.oidc_off': 'Sign-in by an identity provider is not set up.',
  'rate.limited': 'Too many sign-ins from your network. Wait a minute and try again.',
  'service.unavailable': 'A part of the service does not answer. Try again later.',
};

customElements.define(LOGIN_TAG, LoginPage);
declare global {
  interface HTMLElementTagNameMap {
    [LOGIN_TAG]: LoginPage;
  }
}
