/** Dialogs of the frame: own password, new organisation; and signing out. */
import { html, type LitElement, nothing, type TemplateResult } from 'lit';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { ApiError } from '../data/api-error.ts';
import type { ConsoleContext } from '../state/context.ts';
import { FormAction } from '../state/form-action.ts';

export interface AccountDialogs {
  changePassword(): void;
  createOrganization(): void;
  signOut(): Promise<void>;
  render(): TemplateResult | typeof nothing;
}

export function createAccountDialogs(host: LitElement, context: ConsoleContext): AccountDialogs {
  const password = new FormAction<true>(host);
  const organization = new FormAction<true>(host);

  const renderPassword = () =>
    formDialog({
      heading: 'Change password',
      submitLabel: 'Change password',
      isBusy: password.isBusy,
      onClose: () => password.close(),
      onSubmit: (form) =>
        void password.run(async () => {
          await context.api.call('auth.password', { body: passwordBody(form) });
          context.notices.say('success', 'Password changed. Your other sessions are signed out.');
        }),
      body: html`${formError(password.error, ['current_password', 'new_password'])}${passwordFields(password.error)}`,
    });

  const renderOrganization = () =>
    formDialog({
      heading: 'Create an organisation',
      submitLabel: 'Create',
      isBusy: organization.isBusy,
      onClose: () => organization.close(),
      onSubmit: (form) =>
        void organization.run(async () => {
          const created = await context.api.call('organizations.create', {
            body: { name: textOf(form, 'name') ?? '', slug: textOf(form, 'slug') ?? '' },
          });
          await context.session.refresh();
          context.organization.choose(created.id);
          context.notices.say('success', `${created.name} is ready.`);
        }),
      body: html`
        ${formError(organization.error, ['name', 'slug'])}
        ${field({
          id: 'org-name',
          label: 'Name',
          error: fieldError(organization.error, 'name'),
          control: html`<input class="input" id="org-name" name="name" required maxlength="200" autofocus aria-describedby=${describedBy('org-name')} />`,
        })}
        ${field({
          id: 'org-slug',
          label: 'Slug',
          hint: 'Part of every MQTT topic and certificate; it can never change. Up to 27 of a–z, 0–9 and hyphens.',
          error: fieldError(organization.error, 'slug'),
          control: html`<input class="input mono" id="org-slug" name="slug" required maxlength="27" autocapitalize="off" spellcheck="false" pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" aria-describedby=${describedBy('org-slug')} />`,
        })}`,
    });

  return {
    changePassword: () => password.open(true),
    createOrganization: () => organization.open(true),
    async signOut() {
      try {
        await context.session.logout();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        context.notices.say('danger', `You are still signed in: ${error.message}`);
      }
    },
    render: () =>
      password.subject !== null
        ? renderPassword()
        : organization.subject !== null
          ? renderOrganization()
          : nothing,
  };
}

export const passwordBody = (form: FormData) => ({
  // Passwords are sent as typed: blanks at the ends count.
  current_password: String(form.get('current_password') ?? ''),
  new_password: String(form.get('new_password') ?? ''),
});

export const passwordFields = (error: ApiError | null): TemplateResult => html`
  ${field({
    id: 'current-password',
    label: 'Current password',
    error: fieldError(error, 'current_password'),
    control: html`<input class="input" id="current-password" name="current_password" type="password" required maxlength="200" autocomplete="current-password" aria-describedby=${describedBy('current-password')} />`,
  })}
  ${field({
    id: 'new-password',
    label: 'New password',
    hint: 'At least 12 characters. A sentence is easier to keep in mind than signs.',
    error: fieldError(error, 'new_password'),
    control: html`<input class="input" id="new-password" name="new_password" type="password" required minlength="12" maxlength="200" autocomplete="new-password" aria-describedby=${describedBy('new-password')} />`,
  })}`;
