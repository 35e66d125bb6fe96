export { type EventLogOptions, eventLog } from './callbacks/event-log.ts';
