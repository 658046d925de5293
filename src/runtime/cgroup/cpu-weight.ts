/**
 * Shares of version 1 and weights of version 2. The kernel's scheduler itself takes a weight of 100 for 1024 shares, and in that
 * proportion all others; so the same proportion keeps both what containers have of each other and what they have of the rest of the
 * host. The formulas of runtimes map the range onto the range instead, and make 39 out of the default of 1024.
 */
import type { Loss } from './loss.ts';

const defaultShares = 1024;
const defaultWeight = 100;
const leastShares = 2;
const mostShares = 262_144;
const mostWeight = 10_000;

/** @param losses gets what bounds and rounding changed */
export function weightOf(shares: number | undefined, losses: Loss[]): number | undefined {
  if (shares === undefined) return undefined;
  const exact = (shares * defaultWeight) / defaultShares;
  const weight = Math.min(mostWeight, Math.max(1, Math.round(exact)));
  if (weight !== exact) {
    losses.push({ setting: 'cpu.shares', value: String(shares), why: inexact(exact, weight, 'weight') });
  }
  return weight;
}

/** @param losses gets what bounds and rounding changed */
export function sharesOf(weight: number | undefined, losses: Loss[]): number | undefined {
  if (weight === undefined) return undefined;
  const exact = (weight * defaultShares) / defaultWeight;
  const shares = Math.min(mostShares, Math.max(leastShares, Math.round(exact)));
  if (shares !== exact) {
    losses.push({ setting: 'cpu.weight', value: String(weight), why: inexact(exact, shares, 'shares') });
  }
  return shares;
}

function inexact(exact: number, used: number, unit: string): string {
  const percent = Math.abs(used / exact - 1) * 100;
  const off = percent < 0.1 ? 'less than 0.1' : percent.toFixed(1);
  return `in proportion ${Number(exact.toFixed(2))} ${unit}, of which ${used} is the nearest that there is: ${off} % off`;
}
