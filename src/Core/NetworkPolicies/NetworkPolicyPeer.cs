namespace Culvert.Core;

/// <summary>Who may be at the other end of a connection: the pods of a group, or a block of addresses.</summary>
public sealed record NetworkPolicyPeer
{
    /// <summary>The group whose members are meant; empty where <see cref="Block"/> says who.</summary>
    public string Group { get; init; } = "";

    /// <summary>The addresses that are meant; null where <see cref="Group"/> says who.</summary>
    public IpPrefix? Block { get; init; }

    /// <summary>The parts of <see cref="Block"/> that are not meant.</summary>
    public EquatableArray<IpPrefix> Except { get; init; }
}
