/* What makes a fleet of workers, side by side: nothing here hears real words,
   so none of it needs much of the machine. */
import { plan, run } from '../e2e/tap.mjs';
import * as batches from './fleet-batches.mjs';
import * as places from './fleet-places.mjs';
import * as quota from './fleet-quota.mjs';
import * as rate from './fleet-rate.mjs';
import * as reload from './fleet-reload.mjs';
import * as shards from './fleet-shards.mjs';
import * as streams from './fleet-streams.mjs';
import * as workers from './fleet-workers.mjs';

const parts = [batches, places, quota, rate, reload, shards, streams, workers];

plan(parts.reduce((sum, { checks }) => sum + checks, 0));
await run(() => Promise.all(parts.map(({ main }) => main())));
