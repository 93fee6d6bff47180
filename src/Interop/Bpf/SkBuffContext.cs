using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Culvert.Interop.Bpf;

/// <summary>
/// <c>struct __sk_buff</c> (linux/bpf.h), the context of TC programs in a test run. The kernel lets a test set only
/// <see cref="Mark"/>, <see cref="Priority"/>, <see cref="IngressInterface"/>, <see cref="Interface"/>, <see cref="ControlBuffer"/>,
/// <see cref="Timestamp"/>, <see cref="WireLength"/> and the segmentation fields; all others must be zero.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 192)]
public struct SkBuffContext
{
    /// <summary>skb->mark.</summary>
    [FieldOffset(8)] public uint Mark;

    /// <summary>skb->priority.</summary>
    [FieldOffset(32)] public uint Priority;

    /// <summary>skb->skb_iif.</summary>
    [FieldOffset(36)] public uint IngressInterface;

    /// <summary>skb->dev->ifindex; it must exist in the caller's network namespace. Zero stands for lo.</summary>
    [FieldOffset(40)] public uint Interface;

    /// <summary>skb->tc_index; read only.</summary>
    [FieldOffset(44)] public uint TcIndex;

    /// <summary>skb->cb as programs see it.</summary>
    [FieldOffset(48)] public ControlWords ControlBuffer;

    /// <summary>skb->tstamp, nanoseconds.</summary>
    [FieldOffset(152)] public ulong Timestamp;

    /// <summary>Length on the wire; zero stands for the packet's length.</summary>
    [FieldOffset(160)] public uint WireLength;

    /// <summary>Number of segments, 65535 at most.</summary>
    [FieldOffset(164)] public uint SegmentCount;

    /// <summary>Bytes per segment.</summary>
    [FieldOffset(176)] public uint SegmentSize;

    /// <summary>Five words that programs pass on to one another.</summary>
    [InlineArray(5)]
    public struct ControlWords
    {
        private uint _first;
    }
}
