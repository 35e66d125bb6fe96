export { runFused } from './run';
