namespace Culvert.Core;

/// <summary>A class of sources that no policy can tell apart.</summary>
/// <param name="Id">Its number, from 1; class 0 is the world: no identity and in no prefix that a policy names.</param>
/// <param name="Identity">The proven identity, or null for an anonymous class.</param>
/// <param name="Cidr">The longest prefix named by a policy that holds the address, or null. It stands for all shorter ones that hold it as well.</param>
public sealed record SourceClass(uint Id, SpiffeId? Identity, IpPrefix? Cidr);
