export { type LoadBalancingOptions, loadBalancingLoss, routerZLoss } from './load-balancing-loss.ts';
export { type LoadStatistics, loadImbalance, loadStatistics } from './load-statistics.ts';
export { type TopKRouterOptions, topKRouter } from './top-k-router.ts';
