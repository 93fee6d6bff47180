namespace Culvert.Core;

/// <summary>A service that counts requests for several nodes, by Envoy's rate limit service protocol (v3). Nodes ask it in the name of the workload that a request is for.</summary>
public sealed record GlobalRateLimit
{
    /// <summary>The protocol's method, as a path. About requests for it nobody is asked: they would make further ones without an end.</summary>
    public const string Path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

    /// <summary>Most descriptors.</summary>
    public const int MostDescriptors = 16;

    /// <summary>Most that a request counts.</summary>
    public const int MostHits = 1_000_000;

    /// <summary>Shortest <see cref="Timeout"/>.</summary>
    public static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(1);

    /// <summary>Longest <see cref="Timeout"/>.</summary>
    public static readonly TimeSpan LongestTimeout = TimeSpan.FromSeconds(30);

    /// <summary><see cref="Timeout"/> where none is said.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMilliseconds(200);

    /// <summary>The Service that it is behind.</summary>
    public required NamespacedName Service { get; init; }

    /// <summary>The Service's port.</summary>
    public required ushort Port { get; init; }

    /// <summary>Whose descriptors these are, for the service.</summary>
    public required string Domain { get; init; }

    /// <summary>How long an answer may take, from the question to its end.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>Whether a request is refused about which it can't be asked; otherwise that passes.</summary>
    public bool RefusesOnFailure { get; init; }

    /// <summary>How much a request counts; 1 or more.</summary>
    public int Hits { get; init; } = 1;

    /// <summary>What it is told of a request; one at least. A descriptor is left out of which something is not there in a request.</summary>
    public EquatableArray<RateLimitDescriptor> Descriptors { get; init; }

    /// <summary>Whether the numbers are as they have to be.</summary>
    public bool IsValid => Port > 0 && Domain.Length > 0 && Timeout >= ShortestTimeout && Timeout <= LongestTimeout && Hits is >= 1 and <= MostHits && Descriptors.Count is > 0 and <= MostDescriptors && Descriptors.All(d => d.IsValid);
}
