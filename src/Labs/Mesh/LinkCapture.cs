using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;

namespace Culvert.Labs.Mesh;

/// <summary>What tcpdump saw on the link between the nodes.</summary>
internal sealed partial class LinkCapture
{
    private const int TunnelPort = 15008;
    private const byte UdpProtocol = 17;

    // In KiB. A place for a packet is as large as the largest one may be (64 KiB with offloads), so tcpdump's own 2 MiB hold
    // some tens of packets, and on a busy machine it is not given the processor in time for those.
    private const string Buffer = "131072";
    private readonly LabProcess _tcpdump;
    private readonly string _file;

    private LinkCapture(LabProcess tcpdump, string file)
    {
        _tcpdump = tcpdump;
        _file = file;
    }

    /// <summary>Starts to capture TCP and UDP on a link of a node, by default its uplink, and waits until tcpdump listens.</summary>
    public static async Task<LinkCapture> StartAsync(MeshNode node, CancellationToken cancellationToken, string link = LabNode.Uplink)
    {
        // A log of its own for each: in a common one the words of an earlier tcpdump would be taken for those of this one.
        var name = "tcpdump-" + Guid.NewGuid().ToString("N");
        var file = Path.Combine(node.Place.Folder, name + ".pcap");
        var tcpdump = node.Place.Start(name, "tcpdump", "-i", link, "-s", "0", "-B", Buffer, "-U", "--immediate-mode", "-Z", "root", "-w", file, "tcp or udp");
        await LabWait.UntilAsync(
            "tcpdump listens",
            () => tcpdump.ReadLog().Contains("listening on", StringComparison.Ordinal),
            TimeSpan.FromSeconds(10),
            tcpdump,
            cancellationToken);
        return new LinkCapture(tcpdump, file);
    }

    /// <summary>Waits until tcpdump has written all that has passed, ends the capture and looks through it.</summary>
    /// <param name="marker">Plaintext to look for.</param>
    /// <param name="applicationPort">Port that plaintext would be addressed to.</param>
    /// <exception cref="InvalidOperationException">The capture lacks packets: what it does not show may have passed.</exception>
    public async Task<LinkSummary> FinishAsync(string marker, int applicationPort)
    {
        await LabWait.UntilAsync("tcpdump has written what has passed", HasCaughtUpAsync, TimeSpan.FromSeconds(10), _tcpdump);
        await _tcpdump.StopAsync(TimeSpan.FromSeconds(5));
        return Summarize(await File.ReadAllBytesAsync(_file), Encoding.ASCII.GetBytes(marker), applicationPort);
    }

    // tcpdump(8): it tells its counts at SIGUSR1, and what it is ended with it leaves unread.
    private async Task<bool> HasCaughtUpAsync()
    {
        await _tcpdump.SignalAsync("USR1");
        if (Counts().Matches(_tcpdump.ReadLog()).LastOrDefault() is not { } counts)
        {
            return false;
        }

        return counts.Groups["dropped"].Value == "0"
            ? counts.Groups["captured"].Value == counts.Groups["received"].Value
            : throw new InvalidOperationException($"the capture is incomplete: {counts.Value}");
    }

    [GeneratedRegex(@"(?<captured>\d+) packets? captured\W+(?<received>\d+) packets? received by filter\W+(?<dropped>\d+) packets? dropped by kernel", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Counts();

    // pcap(5): a header of 24 bytes, then packets behind headers of 16 bytes, in this machine's byte order.
    internal static LinkSummary Summarize(ReadOnlySpan<byte> capture, ReadOnlySpan<byte> marker, int applicationPort)
    {
        var summary = new LinkSummary();
        for (var rest = capture[24..]; rest.Length >= 16;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest[8..]);
            if (rest.Length < 16 + length)
            {
                break; // cut off while being written
            }

            Count(rest.Slice(16, length), marker, applicationPort, ref summary);
            rest = rest[(16 + length)..];
        }

        return summary;
    }

    private static void Count(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> marker, int applicationPort, ref LinkSummary summary)
    {
        summary.Packets++;
        summary.Bytes += frame.Length;
        summary.MarkerSeen |= frame.IndexOf(marker) >= 0;
        var (tcp, protocol) = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            0x0800 => (14 + ((frame[14] & 0xf) * 4), frame[23]),
            0x86dd => (14 + 40, frame[20]),
            _ => (frame.Length, (byte)0),
        };
        if (protocol == UdpProtocol)
        {
            summary.Datagrams++;
            return;
        }

        if (frame.Length < tcp + 20)
        {
            return;
        }

        var source = BinaryPrimitives.ReadUInt16BigEndian(frame[tcp..]);
        var destination = BinaryPrimitives.ReadUInt16BigEndian(frame[(tcp + 2)..]);
        if (source == applicationPort || destination == applicationPort)
        {
            summary.ApplicationPackets++;
        }

        if (source == TunnelPort || destination == TunnelPort)
        {
            summary.TunnelPackets++;
            CountRecord(frame[(tcp + ((frame[tcp + 12] >> 4) * 4))..], ref summary);
        }
    }

    // RFC 8446, 5.1: type, version 3.1 or 3.3, length. Only records that begin with a segment are counted.
    private static void CountRecord(ReadOnlySpan<byte> payload, ref LinkSummary summary)
    {
        if (payload.Length < 5 || payload[1] != 3 || payload[2] is not (1 or 3))
        {
            return;
        }

        summary.Handshakes += payload[0] == 22 ? 1 : 0;
        summary.ApplicationRecords += payload[0] == 23 ? 1 : 0;
    }
}
