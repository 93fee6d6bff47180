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

    // A key whose cookie would lead to the backend that has just failed is drawn again so often.
    private const int MostKeys = 8;

    private readonly int[] _ends = EndsOf(backends);
    private int[]? _turns;

    /// <summary>Picks one.</summary>
    /// <param name="balancing">How.</param>
    /// <param name="traits">What of the request counts.</param>
    /// <param name="client">Its client's address.</param>
    /// <param name="cookie">What the client is to be given as <c>set-cookie</c>; null: nothing.</param>
    /// <returns>Null when all are left out.</returns>
    internal Backend? Pick(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client, out string? cookie)
    {
        cookie = null;
        ulong? key = balancing.Mode == RequestBalancingMode.Hash ? KeyOf(balancing, traits, client, out cookie) : null;

        // The second after the first that the hash leads to may be no better, and so on: other tries go anywhere.
        if (traits.Failures > 1) key = null;
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

    private ulong? KeyOf(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client, out string? made)
    {
        made = null;
        IRequestFields? fields = traits.Fields;
        if (balancing is { Header: null, Cookie: null }) return Backend.Mix(client.High) ^ Backend.Mix(client.Low + 1);
        if (fields is null) return null;
        if (balancing.Header is { } header && RequestKey.OfHeader(fields, header) is { } value) return value;
        if (balancing.Cookie is not { } cookie) return null;
        if (RequestKey.OfCookie(fields, cookie.Name) is { } found) return found;
        if (cookie.Life is null) return null;
        for (int keys = 1; ; keys++)
        {
            made = RequestKey.Make(cookie, random, out ulong key);
            if (traits.Failed is null || keys == MostKeys || Best(key, balancing.SlowStart, failed: null)?.Address != traits.Failed) return key;
        }
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
        int[] turns = _turns ??= WeightedTurns.Order(Array.ConvertAll(backends, b => b.Weight)); // two threads may make the same
        if (turns.Length == 0) return null;
        Backend turn = backends[turns[(int)((uint)Interlocked.Increment(ref next.Value) % (uint)turns.Length)]];
        return IsLeftOut(turn, failed) ? Draw(failed) : turn;
    }

    // Two are enough: what is gained over drawing one is nearly all there is to gain, and no request looks at all backends (Mitzenmacher, The power of two choices, 2001).
    // Both are drawn by weight, and where they are alike the first is taken: without load shares are as weights say.
    private Backend? BetterOfTwo(RequestBalancingMode mode, SocketEndPoint? failed)
    {
        if (Draw(failed) is not { } one) return null;
        Backend other = one;
        for (int draws = 0; draws < MostPicks && ReferenceEquals(other, one); draws++) other = Draw(failed) ?? one;
        if (ReferenceEquals(other, one)) other = AnyOther(one, failed) ?? one;
        if (mode == RequestBalancingMode.LeastTime) return one.Requests!.ExpectedTime <= other.Requests!.ExpectedTime ? one : other;
        return (long)one.Requests!.Running * other.Weight <= (long)other.Requests!.Running * one.Weight ? one : other;
    }

    private Backend? AnyOther(Backend one, SocketEndPoint? failed)
    {
        int start = random.Next(backends.Length);
        for (int i = 0; i < backends.Length; i++)
        {
            Backend other = backends[(start + i) % backends.Length];
            if (!ReferenceEquals(other, one) && !IsLeftOut(other, failed)) return other;
        }
        return null;
    }

    private static int[] EndsOf(Backend[] backends)
    {
        int end = 0;
        return Array.ConvertAll(backends, b => end += b.Weight);
    }

    // By the ends of all weights one after the other; where one is drawn that is left out, among the others.
    private Backend? Draw(SocketEndPoint? failed)
    {
        if (_ends.Length == 0) return null;
        int place = Array.BinarySearch(_ends, random.Next(_ends[^1]) + 1);
        Backend drawn = backends[place < 0 ? ~place : place];
        return IsLeftOut(drawn, failed) ? DrawAmongOthers(failed) : drawn;
    }

    private Backend? DrawAmongOthers(SocketEndPoint? failed)
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
