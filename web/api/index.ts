/** The HTTP contract's door. */
export * from './access.ts';
export * from './dashboard.ts';
export * from './devices.ts';
export * from './enrollment.ts';
export * from './events.ts';
export * from './page.ts';
export * from './problem.ts';
export * from './route.ts';
export * from './routes.ts';
export * from './series.ts';
export * from './telemetry.ts';
export * from './telemetry-settings.ts';
