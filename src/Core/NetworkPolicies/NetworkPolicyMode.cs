namespace Culvert.Core;

/// <summary>What comes of connections that NetworkPolicies do not allow.</summary>
public enum NetworkPolicyMode
{
    /// <summary>They are refused.</summary>
    Enforce,

    /// <summary>They are let through and reported, as by an AUDIT policy.</summary>
    Report,
}
