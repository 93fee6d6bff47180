namespace Culvert.NodeAgent.Identity;

/// <summary>The node's own certificate, which it shows to the controller, as it is told to people. Safe for any thread.</summary>
internal interface INodeIdentity
{
    /// <summary>The certificate, also when it has ended; null when there is none.</summary>
    NodeSvid? Held { get; }

    /// <summary>When it ends; null when there is none.</summary>
    DateTimeOffset? NotAfter { get; }

    /// <summary>When it should be renewed; null: there is none, or another says when.</summary>
    DateTimeOffset? DueAt { get; }

    /// <summary>Why the last attempt to have one has failed; null when it has not.</summary>
    string? LastError { get; }

    /// <summary>Who gives it, as people are told: <c>controller</c> or <c>spire-agent</c>.</summary>
    string Source { get; }
}
