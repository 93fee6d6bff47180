using System.Runtime.InteropServices;

namespace Culvert.Interop.Bpf;

/// <summary><c>struct xdp_md</c> (linux/bpf.h), the context of XDP programs in a test run.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct XdpContext
{
    /// <summary>Where the packet starts within the data given: the length of the metadata before it.</summary>
    public uint Data;

    /// <summary>The end of the data given; must be its length.</summary>
    public uint DataEnd;

    /// <summary>Where metadata starts; zero.</summary>
    public uint DataMeta;

    /// <summary>The device it came from; zero for lo.</summary>
    public uint IngressInterface;

    /// <summary>The queue it came from.</summary>
    public uint ReceiveQueue;

    /// <summary>Read only; zero.</summary>
    public uint EgressInterface;
}
