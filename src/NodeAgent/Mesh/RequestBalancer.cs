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
    // So often is drawn again when the second of two is the first.
    private const int MostDraws = 4;

    // A key whose cookie would lead to a backend that has failed is drawn again so often.
    private const int MostKeys = 32;

    // Where this many that were drawn have been passed over, all are looked at: where half of the shares count that is once in 256 draws.
    private const int MostPassed = 8;

    private readonly bool _isEven = BackendDraw.IsEven(backends);
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
        Backend? picked = PickUntried(balancing, traits, client, out cookie);
        if (picked is not null || traits.Tried is not { } tried || backends.Length == 0) return picked;
        TimeSpan slowStart = SlowStartOf(balancing);
        return Pick(balancing.Mode, new Share(slowStart, tried: null, tried.Last)) ?? Pick(balancing.Mode, new Share(slowStart, tried: null, failed: null));
    }

    /// <summary>The same among those that the request has not been tried at; null when there is none.</summary>
    internal Backend? PickUntried(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client, out string? cookie)
    {
        cookie = null;
        if (backends.Length == 0) return null;
        Share share = new(SlowStartOf(balancing), traits.Tried, failed: null);
        return (balancing.Mode == RequestBalancingMode.Hash ? PickByKey(balancing, traits, client, share, out cookie) : null) ?? Pick(balancing.Mode, share);
    }

    private TimeSpan SlowStartOf(RequestBalancing balancing) => backends[0].Requests!.Port.IsWarming(balancing.SlowStart) ? balancing.SlowStart : TimeSpan.Zero;

    private Backend? Pick(RequestBalancingMode mode, in Share share) => mode switch
    {
        RequestBalancingMode.RoundRobin => NextInTurn(share),
        RequestBalancingMode.LeastRequests or RequestBalancingMode.LeastTime => BetterOfTwo(mode, share),
        _ => Draw(share),
    };

    // Null where nothing of the request says which, or it can't be that one.
    private Backend? PickByKey(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client, in Share share, out string? made)
    {
        made = null;

        // The second after the first that a key leads to may be no better, and so on: other tries go anywhere.
        if (KeyOf(balancing, traits.Fields, client) is { } key) return traits.Tried is { Count: > 1 } ? null : ByKey(key, share);
        return traits.Fields is not null && balancing.Cookie is { Life: not null } cookie ? PickForCookie(cookie, traits.Tried, share, out made) : null;
    }

    // Whatever has failed may be well when the cookie comes: it is to lead to the backend that gets this request by itself, not only while others are left out for this one.
    private Backend? PickForCookie(AffinityCookie cookie, TriedBackends? tried, in Share share, out string? made)
    {
        for (int keys = 0; keys < MostKeys; keys++)
        {
            made = RequestKey.Make(cookie, random, out ulong key);
            if (ByKey(key, new Share(share.SlowStart, tried: null, failed: null)) is { } found && tried?.Contains(found.Address) != true) return found;
        }

        made = null;
        return null;
    }

    // While a backend gets warm it takes its keys over one after the other, and each of them once.
    private Backend? ByKey(ulong key, in Share share) => BackendDraw.ByKey(backends, key, _isEven && share.SlowStart == TimeSpan.Zero, share);

    /// <summary>The number of what of a request counts for a hash; null: it has nothing.</summary>
    internal static ulong? KeyOf(RequestBalancing balancing, IRequestFields? fields, in SocketEndPoint client)
    {
        if (balancing is { Header: null, Cookie: null }) return Backend.KeyOf(client);
        if (fields is null) return null;
        if (balancing.Header is { } header && RequestKey.OfHeader(fields, header) is { } value) return value;
        return balancing.Cookie is { } cookie ? RequestKey.OfCookie(fields, cookie.Name) : null;
    }

    // The turns of one that is left out are drawn among the others, or they would all be its successor's. What one that gets warm passes on is drawn among all, itself among them: with that each has its share exactly.
    private Backend? NextInTurn(in Share share)
    {
        int[] turns = _turns ??= WeightedTurns.Order(Array.ConvertAll(backends, b => b.Weight)); // two threads may make the same
        Backend turn = backends[turns[(int)((uint)Interlocked.Increment(ref next.Value) % (uint)turns.Length)]];
        double part = share.Of(turn) / turn.Weight;
        return part >= 1 || (part > 0 && random.NextDouble() < part) ? turn : Draw(share);
    }

    // Two are enough: what is gained over drawing one is nearly all there is to gain, and no request looks at all backends (Mitzenmacher, The power of two choices, 2001).
    // Both are drawn by share, and where they are alike the first is taken: without load shares are as weights, and warmth, say.
    private Backend? BetterOfTwo(RequestBalancingMode mode, in Share share)
    {
        if (Draw(share) is not { } one) return null;
        Backend other = one;
        for (int draws = 0; draws < MostDraws && ReferenceEquals(other, one); draws++) other = Draw(share) ?? one;
        if (ReferenceEquals(other, one)) other = AnyOther(one, share) ?? one;
        double load = share.LoadOf(one, isFirst: true), otherLoad = share.LoadOf(other, isFirst: false);
        if (mode == RequestBalancingMode.LeastTime) return one.Requests!.ExpectedTime(load) <= other.Requests!.ExpectedTime(otherLoad) ? one : other;
        return load * other.Weight <= otherLoad * one.Weight ? one : other;
    }

    private Backend? AnyOther(Backend one, in Share share)
    {
        int start = random.Next(backends.Length);
        for (int i = 0; i < backends.Length; i++)
        {
            Backend other = backends[(start + i) % backends.Length];
            if (!ReferenceEquals(other, one) && share.Of(other) > 0) return other;
        }
        return null;
    }

    private static int[] EndsOf(Backend[] backends)
    {
        int end = 0;
        return Array.ConvertAll(backends, b => end += b.Weight);
    }

    // By the ends of all weights one after the other, and passed over as often as its share is less than its weight: that draws by share, and looks at few. Where most are left out, or get warm, all are looked at.
    private Backend? Draw(in Share share)
    {
        for (int passed = 0; passed < MostPassed; passed++)
        {
            int place = Array.BinarySearch(_ends, random.Next(_ends[^1]) + 1);
            Backend drawn = backends[place < 0 ? ~place : place];
            double part = share.Of(drawn) / drawn.Weight;
            if (part >= 1 || (part > 0 && random.NextDouble() < part)) return drawn;
        }

        return BackendDraw.Draw(backends, random, share);
    }

    // Who is left out for one request, and which part of its weight each has.
    private readonly struct Share(TimeSpan slowStart, TriedBackends? tried, SocketEndPoint? failed) : IBackendShare
    {
        /// <summary>How long backends get warm; zero while all are.</summary>
        internal TimeSpan SlowStart => slowStart;

        public double Of(Backend backend)
        {
            if (backend.IsOut || tried?.Contains(backend.Address) == true || backend.Address == failed) return 0;
            return backend.Weight * WarmthOf(backend);
        }

        // One that gets warm seems to have more requests than it has: as many for its part as the others for all. Drawn first it stays where the other has as few; drawn second it has to be better with the request that it would get.
        internal double LoadOf(Backend backend, bool isFirst)
        {
            double warmth = WarmthOf(backend);
            return (backend.Requests!.Running + (isFirst ? 0 : 1 - warmth)) / warmth;
        }

        private double WarmthOf(Backend backend) => slowStart == TimeSpan.Zero ? 1 : backend.Requests!.WarmthAfter(slowStart);
    }
}
