using Culvert.Core;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>An identity of this node, and what the SPIRE agent has told of it. Not thread-safe: its store's lock guards it.</summary>
internal sealed class FollowedSvid
{
    /// <summary>The identity.</summary>
    internal required SpiffeId Id { get; init; }

    /// <summary>Ends its stream.</summary>
    internal required CancellationTokenSource Stop { get; init; }

    /// <summary>Its stream.</summary>
    internal Task Following { get; set; } = Task.CompletedTask;

    /// <summary>What the agent has told last of this identity; null before it has.</summary>
    internal IReadOnlyList<DelegatedSvid>? Answer { get; set; }

    /// <summary>Whom it has told of in place of this identity.</summary>
    internal string Others { get; set; } = "";

    /// <summary>The certificate in use; null: none is.</summary>
    internal Svid? Current { get; set; }

    /// <summary>How many certificates have been in use.</summary>
    internal int Version { get; set; }

    /// <summary>Why nothing is told.</summary>
    internal string? StreamError { get; set; }

    /// <summary>What is wrong with what was told.</summary>
    internal string? Doubt { get; set; }

    /// <summary>Whether it is the certificate in use.</summary>
    internal bool Uses(DelegatedSvid told) => Current is { } current && told.Chain.Count > 0 && told.Chain[0].AsSpan().SequenceEqual(current.Chain[0]);
}
