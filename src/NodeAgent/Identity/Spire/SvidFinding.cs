namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>What has come of looking at an identity's certificates.</summary>
internal readonly record struct SvidFinding
{
    /// <summary>What has come into use.</summary>
    internal Svid? Taken { get; init; }

    /// <summary>How the one in use was lost, without another one; null: it was not.</summary>
    internal SvidLoss? Lost { get; init; }

    /// <summary>What is wrong, where that has not been said yet.</summary>
    internal string? Doubt { get; init; }

    /// <summary>Whether there is one in use all the same.</summary>
    internal bool IsKept { get; init; }

    /// <summary>Whether one was told, and is not good.</summary>
    internal bool IsRefusal { get; init; }
}

/// <summary>How a certificate that was in use is so no more.</summary>
internal enum SvidLoss
{
    /// <summary>The SPIRE agent tells none any more: the entry has gone.</summary>
    Withdrawn,

    /// <summary>It has ended, and there is no other one.</summary>
    Expired,

    /// <summary>Peers do not take it any more.</summary>
    Refused,
}
