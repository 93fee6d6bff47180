namespace Culvert.Interop.Bpf;

/// <summary>What the kernel says about a link.</summary>
/// <param name="Id">The id that bpftool shows.</param>
/// <param name="ProgramId">The program attached now.</param>
/// <param name="Type">BPF_LINK_TYPE_*: 5 network namespace, 6 XDP, 10 netfilter, 11 TCX; others pass through.</param>
/// <param name="InterfaceIndex">For TCX and XDP the interface; zero once it is gone or the link is detached.</param>
/// <param name="Direction">For TCX its direction, else null.</param>
/// <param name="NetworkNamespaceInode">For socket lookup the inode of its namespace; zero once that is gone or the link is detached.</param>
public sealed record BpfLinkInfo(uint Id, uint ProgramId, uint Type, int InterfaceIndex, TcDirection? Direction, uint NetworkNamespaceInode = 0)
{
    /// <summary>BPF_LINK_TYPE_NETNS.</summary>
    public const uint NetworkNamespaceType = 5;

    /// <summary>BPF_LINK_TYPE_XDP.</summary>
    public const uint XdpType = 6;

    /// <summary>BPF_LINK_TYPE_NETFILTER.</summary>
    public const uint NetfilterType = 10;

    /// <summary>BPF_LINK_TYPE_TCX.</summary>
    public const uint TcxType = 11;
}
