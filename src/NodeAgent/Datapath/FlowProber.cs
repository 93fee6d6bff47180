using System.Net;
using System.Net.Sockets;
using Culvert.Interop;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Makes a policy change reach connections that are idle. The kernel revalidates a live flow when a packet of it passes; this has one pass: each TCP flow of an
/// older generation that leads to a pod here, directly or in plaintext from outside, gets an acknowledgement out of sequence, which its receiver answers with one of its own (RFC 9293, 3.10.7.4). Where the
/// policy still allows the flow, that answer is all that happens; where not, the programs end the connection at both sides. A receiver that has answered one within the last
/// half second keeps silent (tcp_invalid_ratelimit), as when policy changes twice at once: what is still of an older generation is probed again. Thread-safe.
/// </summary>
/// <param name="flows">The kernel's flows.</param>
/// <param name="mark">The mark of what the programs let pass on behalf of a pod.</param>
/// <param name="logger">Takes what could not be done.</param>
/// <param name="namespaceOf">The network namespace of the pod that is captured inside it and has a number; null: none has, or none is.</param>
internal sealed class FlowProber(BpfMap<CvFlowKey, CvFlow> flows, uint mark, ILogger logger, Func<ushort, NetworkNamespace?>? namespaceOf = null)
{
    private const byte Tcp = 6;
    private const int SOL_SOCKET = 1;
    private const int SO_MARK = 36;
    private const int ENXIO = 6;
    private const int ENODEV = 19;
    private const int ENETDOWN = 100;

    // More idle connections than that are revalidated when they next carry a packet.
    private const int MaxProbes = 20_000;

    // One of two sequence numbers half the space apart is outside of any window (RFC 7323 allows windows up to a quarter of it).
    private static readonly uint[] Sequences = [0, 0x8000_0000];

    /// <summary>How often to call <see cref="ProbeAgain"/>: somewhat longer than Linux keeps silent after an answer (tcp_invalid_ratelimit, 500 ms).</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(600);

    // Who has not answered by then is no more, or is asked by what comes next.
    private const int MaxRepeats = 4;

    private readonly Lock _lock = new();
    private uint _generation;
    private int _repeats;

    /// <summary>Probes every such flow that was evaluated under an older generation.</summary>
    /// <returns>How many.</returns>
    internal int Probe(uint generation)
    {
        lock (_lock)
        {
            (_generation, _repeats) = (generation, MaxRepeats);
            return Probe();
        }
    }

    /// <summary>Probes those that are still of an older generation, a few times after each <see cref="Probe(uint)"/>; costs nothing when there was none.</summary>
    internal void ProbeAgain()
    {
        lock (_lock)
        {
            if (_repeats == 0) return;
            _repeats--;
            Probe();
        }
    }

    private int Probe()
    {
        try
        {
            int probed = ProbeAll(_generation);
            if (probed == 0) _repeats = 0;
            return probed;
        }
        catch (Exception e) when (e is BpfException or SocketException)
        {
            FlowProberLog.Failed(logger, e.Message);
            return 0;
        }
    }

    private int ProbeAll(uint generation)
    {
        Socket? socket = null;
        int probed = 0;
        try
        {
            byte[] frame = new byte[ProbeFrame.MaxLength];
            foreach ((CvFlowKey key, CvFlow flow) in flows.ToList())
            {
                if (!IsStale(key, flow, generation)) continue;
                if (++probed > MaxProbes) break;
                if (key.Space != 0)
                {
                    ProbeInside(frame, key, flow);
                    continue;
                }
                socket ??= Open();
                SocketAddress at = ProbeFrame.LinkAddress(flow.Ifindex, ProbeFrame.IsIPv6(key));
                foreach (uint sequence in Sequences)
                {
                    int length = ProbeFrame.Write(frame, key, flow, sequence);
                    Send(socket, frame.AsSpan(0, length), at);
                }
            }
            return probed;
        }
        finally
        {
            socket?.Dispose();
        }
    }

    // In its own namespace a pod has no link that leads into it: the segment goes by its lo, as if the sender had a socket there. There are few such flows, since these pods get all else by tunnels.
    private void ProbeInside(byte[] frame, in CvFlowKey key, in CvFlow flow)
    {
        if (namespaceOf?.Invoke(key.Space) is not { } network) return;
        bool v6 = ProbeFrame.IsIPv6(key);
        try
        {
            using Socket socket = network.Run(() => new Socket(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw));
            if (!v6) socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true); // of IPv6 such a socket expects it anyhow (ipv6(7))
            foreach (uint sequence in Sequences)
            {
                ReadOnlySpan<byte> packet = ProbeFrame.PacketOf(frame.AsSpan(0, ProbeFrame.Write(frame, key, flow, sequence)));
                socket.SendTo(packet, SocketFlags.None, new IPEndPoint(ProbeFrame.DestinationOf(packet), 0));
            }
        }
        catch (Exception e) when (e is KernelException or SocketException)
        {
            FlowProberLog.Failed(logger, e.Message); // the pod is going, or has taken its lo down, which is no other's affair
        }
    }

    // One direction is enough: revalidating one revalidates both.
    private static bool IsStale(in CvFlowKey key, in CvFlow flow, uint generation) =>
        key.Proto == Tcp && flow.Generation != generation && flow.Ifindex != 0
        && (flow.Verdict == (byte)CvVerdict.Direct || (flow.Flags & (ushort)CvFlowFlag.Anonymous) != 0)
        && (flow.Flags & (ushort)(CvFlowFlag.Reply | CvFlowFlag.Fin | CvFlowFlag.Closed)) == 0;

    private Socket Open()
    {
        Socket socket = new(AddressFamily.Packet, SocketType.Raw, ProtocolType.Unspecified);
        Span<byte> value = stackalloc byte[sizeof(uint)];
        System.Runtime.InteropServices.MemoryMarshal.Write(value, mark);
        socket.SetRawSocketOption(SOL_SOCKET, SO_MARK, value);
        return socket;
    }

    // The pod may have gone since the table was read.
    private static void Send(Socket socket, ReadOnlySpan<byte> frame, SocketAddress at)
    {
        try
        {
            socket.SendTo(frame, SocketFlags.None, at);
        }
        catch (SocketException e) when (e.NativeErrorCode is ENXIO or ENODEV or ENETDOWN)
        {
            return;
        }
    }
}

internal static partial class FlowProberLog
{
    [LoggerMessage(EventId = LogEventIds.FlowProberFailed, Level = LogLevel.Warning, Message = "idle connections were not revalidated, they will be with their next packet: {Reason}")]
    internal static partial void Failed(ILogger logger, string reason);
}
