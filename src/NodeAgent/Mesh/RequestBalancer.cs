using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>Picks a backend for each request to a Service port that says how (<see cref="RequestSettings.Balancing"/>). Thread-safe; allocates nothing but cookies.</summary>
/// <param name="backends">The backends, each with its <see cref="Backend.Requests"/>.</param>
/// <param name="random">Thread-safe.</param>
/// <param name="next">Whose turn it is, counted on over snapshots.</param>
internal sealed class RequestBalancer(Backend[] backends, Random random, StrongBox<int> next)
{
    // So often is another picked in the place of one that is to have few requests yet.
    private const int MostPicks = 4;

    private readonly int[] _turns = WeightedTurns.Order(Array.ConvertAll(backends, b => b.Weight));

    /// <summary>Picks one.</summary>
    /// <param name="balancing">How.</param>
    /// <param name="traits">What of the request counts.</param>
    /// <param name="client">Its client's address.</param>
    /// <param name="cookie">What the client is to be given as <c>set-cookie</c>; null: nothing.</param>
    /// <returns>Null when all are left out.</returns>
    internal Backend? Pick(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client, out string? cookie)
    {
        cookie = null;
        ulong? key = balancing.Mode == RequestBalancingMode.Hash ? KeyOf(balancing, traits.Fields, client, out cookie) : null;
        return Pick(balancing, key, traits.Failed) ?? (traits.Failed is null ? null : Pick(balancing, key, failed: null));
    }

    private Backend? Pick(RequestBalancing balancing, ulong? key, SocketEndPoint? failed)
    {
        if (key is { } hash) return Best(hash, balancing.SlowStart, failed);
        for (int picks = 1; ; picks++)
        {
            Backend? picked = balancing.Mode switch
            {
                RequestBalancingMode.RoundRobin => NextInTurn(failed),
                RequestBalancingMode.LeastRequests or RequestBalancingMode.LeastTime => BetterOfTwo(balancing.Mode, failed),
                _ => Draw(failed),
            };
            if (picked is null || picks == MostPicks || balancing.SlowStart == TimeSpan.Zero) return picked;
            double warmth = picked.Requests!.WarmthAfter(balancing.SlowStart);
            if (warmth >= 1 || random.NextDouble() < warmth) return picked;
        }
    }

    private ulong? KeyOf(RequestBalancing balancing, IRequestFields? fields, in SocketEndPoint client, out string? made)
    {
        made = null;
        if (balancing is { Header: null, Cookie: null }) return Backend.Mix(client.High) ^ Backend.Mix(client.Low + 1);
        if (fields is null) return null;
        if (balancing.Header is { } header && RequestKey.OfHeader(fields, header) is { } value) return value;
        if (balancing.Cookie is not { } cookie) return null;
        if (RequestKey.OfCookie(fields, cookie.Name) is { } found) return found;
        if (cookie.Life is null) return null;
        made = RequestKey.Make(cookie, random, out ulong key);
        return key;
    }

    // While a backend gets warm it takes its requests over one after the other, and each of them once.
    private Backend? Best(ulong key, TimeSpan slowStart, SocketEndPoint? failed)
    {
        Backend? best = null;
        double bestScore = -1;
        foreach (Backend backend in backends)
        {
            if (IsLeftOut(backend, failed)) continue;
            double score = backend.Score(key) * (slowStart == TimeSpan.Zero ? 1 : backend.Requests!.WarmthAfter(slowStart));
            if (score > bestScore) (best, bestScore) = (backend, score);
        }
        return best;
    }

    // The turns of one that is left out are drawn among the others, or they would all be its successor's.
    private Backend? NextInTurn(SocketEndPoint? failed)
    {
        if (_turns.Length == 0) return null;
        Backend turn = backends[_turns[(int)((uint)Interlocked.Increment(ref next.Value) % (uint)_turns.Length)]];
        return IsLeftOut(turn, failed) ? Draw(failed) : turn;
    }

    // Two are enough: what is gained over drawing one is nearly all there is to gain, and no request looks at all backends (Mitzenmacher, The power of two choices, 2001).
    private Backend? BetterOfTwo(RequestBalancingMode mode, SocketEndPoint? failed)
    {
        if (backends.Length < 2) return Draw(failed);
        int first = random.Next(backends.Length), second = random.Next(backends.Length - 1);
        if (second >= first) second++;
        Backend one = backends[first], other = backends[second];
        if (IsLeftOut(one, failed)) return IsLeftOut(other, failed) ? Draw(failed) : other;
        if (IsLeftOut(other, failed)) return one;
        return CostOf(one, mode) <= CostOf(other, mode) ? one : other;
    }

    private static double CostOf(Backend backend, RequestBalancingMode mode) =>
        (mode == RequestBalancingMode.LeastTime ? backend.Requests!.ExpectedTime : backend.Requests!.Running + 1) / backend.Weight;

    private Backend? Draw(SocketEndPoint? failed)
    {
        int total = 0;
        foreach (Backend backend in backends)
        {
            if (!IsLeftOut(backend, failed)) total += backend.Weight;
        }
        if (total == 0) return null;
        int drawn = random.Next(total);
        Backend? last = null; // in the place of one that is left out since its weight was counted
        foreach (Backend backend in backends)
        {
            if (IsLeftOut(backend, failed)) continue;
            last = backend;
            drawn -= backend.Weight;
            if (drawn < 0) break;
        }
        return last;
    }

    private static bool IsLeftOut(Backend backend, SocketEndPoint? failed) => backend.IsOut || backend.Address == failed;
}
