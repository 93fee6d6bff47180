namespace Culvert.Interop.Netlink;

/// <summary>A queueing discipline of a link (tc-qdisc).</summary>
/// <param name="InterfaceIndex">The link.</param>
/// <param name="Kind">For example "noqueue", "fq_codel", "tbf", "clsact".</param>
/// <param name="Parent">Where it hangs: <see cref="RootParent"/>, a class, or 0xfffffff1 for clsact and ingress.</param>
public sealed record Qdisc(int InterfaceIndex, string Kind, uint Parent)
{
    /// <summary>TC_H_ROOT: the link's own queue.</summary>
    public const uint RootParent = 0xffffffff;
}
