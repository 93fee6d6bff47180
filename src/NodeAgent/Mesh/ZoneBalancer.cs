using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>
/// Picks backends of the node's own zone before others (<see cref="RequestBalancing.PrefersZone"/>): all requests are theirs while enough of them are not left out, and below that a part in proportion, as Envoy's priorities with an
/// overprovisioning of 1.4 have it. Thread-safe; allocates nothing but cookies.
/// </summary>
internal sealed class ZoneBalancer
{
    // So much more than its share the zone takes on: with five of seven, all of it.
    private const double Overprovisioning = 1.4;

    private readonly Backend[] _backends;
    private readonly RequestBalancer _all;
    private readonly RequestBalancer? _near, _far;
    private readonly Random _random;

    /// <summary>Makes one.</summary>
    /// <param name="backends">The backends, each with its <see cref="Backend.Requests"/>.</param>
    /// <param name="random">Thread-safe.</param>
    /// <param name="next">Whose turn it is, counted on over snapshots.</param>
    internal ZoneBalancer(Backend[] backends, Random random, StrongBox<int> next)
    {
        (_backends, _random, _all) = (backends, random, new RequestBalancer(backends, random, next));
        Backend[] near = Array.FindAll(backends, b => b.IsNear);
        if (near.Length == 0 || near.Length == backends.Length) return;
        (_near, _far) = (new RequestBalancer(near, random, next), new RequestBalancer(Array.FindAll(backends, b => !b.IsNear), random, next));
    }

    /// <summary>Picks one.</summary>
    /// <param name="balancing">How.</param>
    /// <param name="traits">What of the request counts.</param>
    /// <param name="client">Its client's address.</param>
    /// <param name="cookie">What the client is to be given as <c>set-cookie</c>; null: nothing.</param>
    /// <returns>Null when all are left out.</returns>
    internal Backend? Pick(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client, out string? cookie)
    {
        if (_near is null || !balancing.PrefersZone) return _all.Pick(balancing, traits, client, out cookie);
        double part = NearPart();
        bool isNear = part >= 1 || DrawnFor(balancing, traits, client) < part;
        Backend? picked = (isNear ? _near : _far!).PickUntried(balancing, traits, client, out cookie);
        if (picked is null) picked = (isNear ? _far! : _near).PickUntried(balancing, traits, client, out cookie);
        if (picked is null) return _all.Pick(balancing, traits, client, out cookie); // all have been tried
        if (part < 1 || !picked.IsNear) cookie = null; // when the zone is well again it would lead elsewhere
        return picked;
    }

    // Which part of all requests the zone's own backends get.
    private double NearPart()
    {
        if (!_backends[0].Requests!.Port.MayHaveOut) return 1;
        double near = 0, nearIn = 0, far = 0, farIn = 0;
        foreach (Backend backend in _backends)
        {
            double weight = backend.Weight, isIn = backend.IsOut ? 0 : weight;
            if (backend.IsNear) (near, nearIn) = (near + weight, nearIn + isIn);
            else (far, farIn) = (far + weight, farIn + isIn);
        }

        double part = Math.Min(1, Overprovisioning * nearIn / near), rest = Math.Min(1 - part, Overprovisioning * farIn / far);
        return part + rest > 0 ? part / (part + rest) : 1;
    }

    // What has a key stays on its side of the line while that does not move.
    private double DrawnFor(RequestBalancing balancing, in RequestTraits traits, in SocketEndPoint client) =>
        balancing.Mode == RequestBalancingMode.Hash && RequestBalancer.KeyOf(balancing, traits.Fields, client) is { } key ? (Backend.Mix(~key) >> 11) * (1.0 / (1UL << 53)) : _random.NextDouble();
}
