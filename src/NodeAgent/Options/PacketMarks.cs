using System.Globalization;
using System.Numerics;
using Culvert.Core;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Options;

/// <summary>
/// What two bits of a packet's mark say between the agent, its programs and the rules of its network namespace. All other bits are others': Calico takes 0xffff0000, kube-router 0x30000,
/// kube-proxy 0xc000, portmap 0x2000, Cilium 0xff00 and more, the VPC network of AWS 0x80. Immutable.
/// </summary>
/// <param name="Mask">The two bits.</param>
public readonly record struct PacketMarks(uint Mask)
{
    /// <summary>Those of one agent on one machine.</summary>
    public static PacketMarks Default { get; } = new(CvAbi.MarkMask);

    /// <summary>Whether there are two bits, which give the three values.</summary>
    public bool IsValid => BitOperations.PopCount(Mask) == 2;

    /// <summary>Set by the programs: deliver to the proxy.</summary>
    public uint Capture => Mask & (~Mask + 1);

    /// <summary>Set by the proxy on its sockets.</summary>
    public uint Proxy => Mask & ~Capture;

    /// <summary>Set by the programs on the resets they answer with.</summary>
    public uint Reject => Mask;

    /// <summary>Reads a mask, such as 0x30.</summary>
    /// <param name="text">Hexadecimal behind 0x, otherwise decimal.</param>
    /// <param name="marks">The marks; not <see cref="IsValid"/> when the text is no number.</param>
    /// <returns>Whether it is a mask of two bits.</returns>
    public static bool TryParse(string text, out PacketMarks marks)
    {
        ArgumentNullException.ThrowIfNull(text);
        marks = new PacketMarks(PacketMark.TryParse(text, out uint mask) ? mask : 0);
        return marks.IsValid;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Mask:x}");
}
