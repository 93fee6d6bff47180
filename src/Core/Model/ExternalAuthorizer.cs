namespace Culvert.Core;

/// <summary>A service that decides about requests for policies with <see cref="PolicyAction.Custom"/>. Nodes ask it in the name of the workload that a request is for.</summary>
public sealed record ExternalAuthorizer
{
    /// <summary>Most of one mesh.</summary>
    public const int Most = 32;

    /// <summary>Most names in each of its lists of headers.</summary>
    public const int MostHeaders = 32;

    /// <summary>Shortest <see cref="Timeout"/>.</summary>
    public static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(1);

    /// <summary>Longest <see cref="Timeout"/>.</summary>
    public static readonly TimeSpan LongestTimeout = TimeSpan.FromSeconds(30);

    /// <summary><see cref="Timeout"/> where none is said.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(1);

    /// <summary>What policies call it.</summary>
    public required string Name { get; init; }

    /// <summary>The Service that it is behind.</summary>
    public required NamespacedName Service { get; init; }

    /// <summary>The Service's port.</summary>
    public required ushort Port { get; init; }

    /// <summary>What it speaks.</summary>
    public ExternalAuthorizerProtocol Protocol { get; init; }

    /// <summary>How long an answer may take, from the question to its end.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>Whether a request passes about which it can't be asked; otherwise that is refused.</summary>
    public bool AllowsOnFailure { get; init; }

    /// <summary>What the path of a question begins with, before that of the request; empty: nothing. Of HTTP only.</summary>
    public string PathPrefix { get; init; } = "";

    /// <summary>The headers of the request that it is told of, in lower case; with gRPC none means all, with HTTP it is always told of the host and authorization.</summary>
    public EquatableArray<string> RequestHeaders { get; init; }

    /// <summary>Headers of its answer that an allowed request goes on with, in lower case; what the client has sent by these names goes no further. Of HTTP only.</summary>
    public EquatableArray<string> UpstreamHeaders { get; init; }

    /// <summary>Headers of its answer that the client of a refused request gets, in lower case; none: all but those of the connection. Of HTTP only.</summary>
    public EquatableArray<string> DownstreamHeaders { get; init; }
}
