/** The web server's door. */
export type { Log } from './log.ts';
export { type ListenAddress, startWebServer, type WebServer, type WebServerOptions } from './start.ts';
