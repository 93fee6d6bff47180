using System.Net;
using System.Net.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy;

internal static class SocketExtensions
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    internal static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> data)
    {
        while (!data.IsEmpty) data = data[await socket.SendAsync(data).AsTask().WaitAsync(Limit)..];
    }

    internal static async Task<byte[]> ReceiveExactlyAsync(this Socket socket, int count)
    {
        byte[] buffer = new byte[count];
        for (int filled = 0; filled < count;)
        {
            int n = await socket.ReceiveAsync(buffer.AsMemory(filled)).AsTask().WaitAsync(Limit);
            Assert.NotEqual(0, n);
            filled += n;
        }

        return buffer;
    }

    /// <summary>Reads to the end of the stream and counts.</summary>
    internal static async Task<int> ReceiveToEndAsync(this Socket socket)
    {
        byte[] buffer = new byte[65536];
        int total = 0, n;
        while ((n = await socket.ReceiveAsync(buffer.AsMemory()).AsTask().WaitAsync(Limit)) > 0) total += n;
        return total;
    }

    internal static async Task AssertResetAsync(this Socket socket)
    {
        SocketException exception = await Assert.ThrowsAsync<SocketException>(() => socket.ReceiveToEndAsync());
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
    }

    internal static void Reset(this Socket socket)
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    /// <summary>Does something with a socket that the other end may have reset already.</summary>
    internal static async Task UnlessResetAsync(Func<Task> operation)
    {
        try
        {
            await operation();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.NotConnected)
        {
            // It has.
        }
    }

    /// <summary>Waits until a condition that other threads bring about holds.</summary>
    internal static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(10));
        while (!await condition()) Assert.True(await timer.WaitForNextTickAsync(limit.Token));
    }

    internal static Task EventuallyAsync(Func<bool> condition) => EventuallyAsync(() => Task.FromResult(condition()));

    /// <summary>Waits until a number that other threads raise stands still.</summary>
    /// <returns>The number.</returns>
    internal static async Task<long> StalledAtAsync(Func<long> progress)
    {
        // No event tells that every window and buffer on the way is full: that nothing passes for a time is all there is to see.
        using CancellationTokenSource limit = new(Limit);
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(300));
        for (long last = -1; ;)
        {
            long now = progress();
            if (now == last) return now;
            last = now;
            Assert.True(await timer.WaitForNextTickAsync(limit.Token));
        }
    }

    /// <summary>Whether a connection to the address is being made, by the kernel's own table (proc_pid_net(5): state 02 is SYN_SENT).</summary>
    internal static bool IsBeingConnected(IPEndPoint remote)
    {
        string wanted = $"{BitConverter.ToUInt32(remote.Address.GetAddressBytes()):X8}:{remote.Port:X4} 02";
        return File.ReadLines("/proc/net/tcp").Any(line => line.Contains(wanted, StringComparison.Ordinal));
    }
}
