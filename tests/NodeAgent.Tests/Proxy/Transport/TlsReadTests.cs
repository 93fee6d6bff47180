using System.Globalization;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>How often a TLS connection asks its socket.</summary>
public sealed class TlsReadTests
{
    private const string Counters = "/proc/thread-self/io";

    [Fact]
    public async Task AMessageCostsOneReadOfTheSocket()
    {
        if (!File.Exists(Counters)) Assert.Skip("The kernel does not count system calls of tasks (CONFIG_TASK_IO_ACCOUNTING).");
        const int Messages = 200;
        await using TransportLab lab = new();
        long reads = await lab.OnLoopAsync(async () =>
        {
            (ITransport first, ITransport second) = await lab.TlsAsync();
            await PassAsync(first, second);
            await PassAsync(second, first);
            long before = Reads();
            for (int i = 0; i < Messages; i++) await (i % 2 == 0 ? PassAsync(first, second) : PassAsync(second, first));
            return Reads() - before;
        });

        // To read the counter takes some. Two for each message would be 400.
        Assert.InRange(reads, Messages, Messages + 20);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TheEndIsSeenWhetherItComesWithTheLastBytesOrLater(bool together)
    {
        await using TransportLab lab = new();
        Assert.Equal(TransportStatus.Ended, await lab.OnLoopAsync(async () =>
        {
            SocketPair? sockets = null;
            (ITransport first, ITransport second) = await lab.TlsAsync(s => sockets = s);
            await PassAsync(first, second);
            Assert.Equal(TransportStatus.Done, first.Send("last"u8).Status);
            if (together) Assert.Equal(SocketErrno.None, sockets!.First.Shutdown(ShutdownDirection.Write));
            Assert.Equal(4, await ReceiveAsync(second));
            if (!together) Assert.Equal(SocketErrno.None, sockets!.First.Shutdown(ShutdownDirection.Write));
            return (await ReceiveWhenThereAsync(second)).Status;
        }));
    }

    // 128 KiB, which is the length of a read buffer for data, whatever the version of OpenSSL; a read for each record would be 7.
    [Fact]
    public async Task ManyRecordsAreReadAtOnce()
    {
        if (!File.Exists(Counters)) Assert.Skip("The kernel does not count system calls of tasks (CONFIG_TASK_IO_ACCOUNTING).");
        const int Length = 100_000;
        await using TransportLab lab = new();
        long reads = await lab.OnLoopAsync(async () =>
        {
            ITransport second = await BurstAsync(lab, Length);
            long before = Reads();
            Assert.Equal(Length, Drain(second));
            return Reads() - before;
        });
        // One that finds all, one that finds nothing, and what reading the counter takes.
        Assert.InRange(reads, 1, 6);
    }

    // Each burst is longer than the read buffer. A read that fills the buffer leaves bytes in the socket, and no edge announces them.
    [Theory]
    [InlineData(131_072)]
    [InlineData(300_000)]
    public async Task ABurstIsReadToItsEndWithoutAnotherEdge(int length)
    {
        await using TransportLab lab = new();
        int received = await lab.OnLoopAsync(async () => Drain(await BurstAsync(lab, length)));
        Assert.Equal(length, received);
    }

    // Returns the end at which so many bytes wait in the socket, after the loop has seen the edge.
    private static async Task<ITransport> BurstAsync(TransportLab lab, int length)
    {
        SocketPair? sockets = null;
        (ITransport first, ITransport second) = await lab.TlsAsync(s => sockets = s);
        Assert.Equal(SocketErrno.None, sockets!.First.SetSendBuffer(4 * length));
        Assert.Equal(SocketErrno.None, sockets.Second.SetReceiveBuffer(4 * length));
        await PassAsync(first, second);
        Assert.Equal(new TransportResult(TransportStatus.Done, length), first.Send(new byte[length]));
        byte[] peeked = new byte[2 * length];
        Assert.True(SpinWait.SpinUntil(() => sockets.Second.Peek(peeked).Count > length, TimeSpan.FromSeconds(10)));
        Assert.True(await second.ReadableAsync());
        return second;
    }

    // Until nothing is left, without a wait.
    private static int Drain(ITransport from)
    {
        byte[] buffer = new byte[20_000];
        int total = 0;
        TransportResult result;
        while ((result = from.Receive(buffer)).Status == TransportStatus.Done) total += result.Count;
        Assert.Equal(TransportStatus.Blocked, result.Status);
        return total;
    }

    // As a driver does: reads until nothing is left, then waits.
    private static async Task PassAsync(ITransport from, ITransport to)
    {
        Assert.Equal(TransportStatus.Done, from.Send("message"u8).Status);
        Assert.Equal(7, await ReceiveAsync(to));
        Assert.Equal(TransportStatus.Blocked, to.Receive(new byte[100]).Status);
    }

    private static async Task<int> ReceiveAsync(ITransport to)
    {
        TransportResult result = await ReceiveWhenThereAsync(to);
        Assert.Equal(TransportStatus.Done, result.Status);
        return result.Count;
    }

    private static async Task<TransportResult> ReceiveWhenThereAsync(ITransport to)
    {
        TransportResult result;
        while ((result = to.Receive(new byte[100])).Status == TransportStatus.Blocked) Assert.True(await to.ReadableAsync());
        return result;
    }

    private static long Reads() =>
        long.Parse(File.ReadLines(Counters).Single(l => l.StartsWith("syscr:", StringComparison.Ordinal))["syscr:".Length..], CultureInfo.InvariantCulture);
}
