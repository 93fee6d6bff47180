using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Coexist;

/// <summary>One thing that a pod may want of the network: an answer from an end point, by TCP or UDP.</summary>
/// <param name="Name">What it is, for example <c>tcp IPv4 client to far</c>.</param>
/// <param name="From">Who asks.</param>
/// <param name="To">Who is asked.</param>
/// <param name="IsUdp">UDP, or TCP.</param>
internal sealed record Probe(string Name, LabPod From, IPEndPoint To, bool IsUdp)
{
    // A datagram, or the first SYN, may be lost while a tunnel opens.
    private const int Tries = 2;
    private static readonly TimeSpan Try = TimeSpan.FromSeconds(4) * LabWait.Patience;

    // What is answered is answered within milliseconds, unless a packet is lost; TCP sends its own again after a second.
    private static readonly TimeSpan RefusedTry = TimeSpan.FromSeconds(1) * LabWait.Patience;
    private static readonly byte[] Question = "a question of this probe"u8.ToArray();
    private static readonly byte[] LargeQuestion = [.. Enumerable.Repeat(Question, 200).SelectMany(q => q)];

    // As the PROXY protocol's version 2 has it.
    private static readonly byte[] HeaderSignature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

    /// <summary>Whether who is asked has a PROXY header put in front of the question, which comes back with the answer.</summary>
    public bool HasHeader { get; init; }

    /// <summary>Whether question and answer are longer than a packet: a datagram goes in fragments.</summary>
    public bool IsLarge { get; init; }

    /// <summary>Whether the answer comes: what was sent and nothing else, but for the header.</summary>
    /// <param name="refused">Whether none is expected, so that it is not waited for as long.</param>
    public Task<bool> IsAnsweredAsync(bool refused = false) => (IsUdp, refused) switch
    {
        (true, false) => AskByUdpAsync(Tries, Try),
        (true, true) => AskByUdpAsync(Tries, RefusedTry),
        (false, false) => AskByTcpAsync(Try * Tries),
        _ => AskByTcpAsync(RefusedTry * Tries),
    };

    /// <inheritdoc/>
    public override string ToString() => Name;

    private async Task<bool> AskByUdpAsync(int tries, TimeSpan longest)
    {
        using var socket = UdpPeer.Connect(From, To);
        var buffer = new byte[8192];
        for (var i = 0; i < tries; i++)
        {
            using var deadline = new CancellationTokenSource(longest);
            try
            {
                await socket.SendAsync(Asked, deadline.Token);
                var length = await socket.ReceiveAsync(buffer, deadline.Token);
                return IsAnswer(buffer.AsSpan(0, length));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Lost or refused; the next try tells.
            }
        }

        return false;
    }

    private async Task<bool> AskByTcpAsync(TimeSpan longest)
    {
        using var deadline = new CancellationTokenSource(longest);
        try
        {
            using var socket = From.CreateSocket(To.AddressFamily);
            await socket.ConnectAsync(To, deadline.Token);
            await socket.SendAsync(Asked, deadline.Token);
            socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[8192];
            var length = 0;
            for (int more; (more = await socket.ReceiveAsync(buffer.AsMemory(length), deadline.Token)) > 0;) length += more;
            return IsAnswer(buffer.AsSpan(0, length));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return false; // refused, reset or silent
        }
    }

    private bool IsAnswer(ReadOnlySpan<byte> answer) => HasHeader ? answer.StartsWith(HeaderSignature) && answer.EndsWith(Asked) : answer.SequenceEqual(Asked);

    private byte[] Asked => IsLarge ? LargeQuestion : Question;
}
