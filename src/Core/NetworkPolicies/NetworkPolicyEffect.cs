namespace Culvert.Core;

/// <summary>What NetworkPolicies do to a connection in one direction.</summary>
internal enum NetworkPolicyEffect
{
    /// <summary>None isolates the workload in that direction.</summary>
    Open,

    /// <summary>A rule allows it.</summary>
    Allowed,

    /// <summary>The workload is isolated, and no rule allows it.</summary>
    Isolated,

    /// <summary>The snapshot names a policy that it does not hold; refused for safety.</summary>
    Missing,
}
