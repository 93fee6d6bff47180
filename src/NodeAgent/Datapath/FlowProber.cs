using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Makes a policy change reach connections that are idle. The kernel revalidates a live flow when a packet of it passes; this has one pass: each TCP flow of an
/// older generation that leads to a pod here, directly or in plaintext from outside, gets an acknowledgement out of sequence, which its receiver answers with one of its own (RFC 9293, 3.10.7.4). Where the
/// policy still allows the flow, that answer is all that happens; where not, the programs end the connection at both sides. Not thread-safe.
/// </summary>
internal sealed class FlowProber(BpfMap<CvFlowKey, CvFlow> flows, ILogger logger)
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

    /// <summary>Probes every such flow that was evaluated under an older generation.</summary>
    /// <returns>How many.</returns>
    internal int Probe(uint generation)
    {
        try
        {
            return ProbeAll(generation);
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

    // One direction is enough: revalidating one revalidates both.
    private static bool IsStale(in CvFlowKey key, in CvFlow flow, uint generation) =>
        key.Proto == Tcp && flow.Generation != generation && flow.Ifindex != 0
        && (flow.Verdict == (byte)CvVerdict.Direct || (flow.Flags & (ushort)CvFlowFlag.Anonymous) != 0)
        && (flow.Flags & (ushort)(CvFlowFlag.Reply | CvFlowFlag.Fin | CvFlowFlag.Closed)) == 0;

    private static Socket Open()
    {
        Socket socket = new(AddressFamily.Packet, SocketType.Raw, ProtocolType.Unspecified);
        Span<byte> mark = stackalloc byte[sizeof(uint)];
        System.Runtime.InteropServices.MemoryMarshal.Write(mark, CvAbi.MarkReject);
        socket.SetRawSocketOption(SOL_SOCKET, SO_MARK, mark);
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
