namespace Culvert.Core;

/// <summary>What a source address says about the class of a flow; looked up by longest prefix.</summary>
/// <param name="Prefix">A workload's address (/32 or /128), or a prefix that a policy names.</param>
/// <param name="AuthenticatedClassId">Class of a flow whose source is proven (it left the workload's own veth); equals the anonymous class where the address gives no identity.</param>
/// <param name="AnonymousClassId">Class of a flow known by its address only.</param>
public readonly record struct AddressClass(IpPrefix Prefix, uint AuthenticatedClassId, uint AnonymousClassId);
