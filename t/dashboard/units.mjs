/* Figures as Grafana writes them, in the units that config/grafana/ uses; any
   other unit is an error, so that none comes in unseen. */

const SCALES = {
  short: [[1, ''], [1e3, ' K'], [1e6, ' Mil'], [1e9, ' Bil']],
  ops: [[1, ' ops/s'], [1e3, 'K ops/s']],
  bytes: [[1, ' B'], [1024, ' KiB'], [1024 ** 2, ' MiB'], [1024 ** 3, ' GiB']],
  s: [[1e-6, ' µs'], [1e-3, ' ms'], [1, ' s'], [60, ' mins'], [3600, ' hours'],
    [86_400, ' days']],
  percentunit: [[0.01, '%']],
};

/* Three digits that say something, and no zeros behind them. */
function digits(value, decimals) {
  if (decimals !== undefined && decimals !== null) {
    return value.toFixed(decimals);
  }
  const whole = Math.floor(Math.log10(Math.abs(value) || 1)) + 1;
  return String(Number(value.toFixed(Math.max(0, Math.min(6, 3 - whole)))));
}

export function format(value, unit = 'short', decimals) {
  if (!Number.isFinite(value)) {
    return String(value);
  }
  if (unit === 'currencyUSD') {
    return `$${digits(value, decimals)}`;
  }
  if (unit.startsWith('suffix:')) {
    return `${digits(value, decimals)}${unit.slice(7)}`;
  }
  const scale = SCALES[unit];
  if (!scale) {
    throw new Error(`unit ${unit}: t/dashboard/units.mjs does not know it`);
  }
  const size = Math.abs(value);
  const [divisor, suffix] = scale.filter(([from]) => size >= from).at(-1)
    ?? scale.find(([from]) => size > 0 || from === 1) ?? scale[0];
  return `${digits(value / divisor, decimals)}${suffix}`;
}
