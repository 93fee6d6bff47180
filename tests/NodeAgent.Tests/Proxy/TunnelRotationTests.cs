using System.Net.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Certificates that are renewed while connections are open.</summary>
public sealed class TunnelRotationTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RotationKeepsConnectionsAndMovesNewOnes(bool source)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        if (source)
        {
            pair.RenewSource();
            pair.SourceProxy.CertificatesChanged();
        }
        else
        {
            pair.RenewDestination();
            pair.DestinationProxy.CertificatesChanged();
            await SocketExtensions.EventuallyAsync(async () =>
            {
                // Until GOAWAY has arrived, new streams may still share the old tunnel.
                (Socket c, Socket s) = await pair.ConnectAsync(listener);
                c.Dispose();
                s.Dispose();
                return pair.Source.Handshakes.Count == 2;
            });
        }

        (Socket client2, Socket server2) = await pair.ConnectAsync(listener);
        Assert.Equal(2, pair.Source.Handshakes.Count);
        await client.SendAllAsync("old"u8.ToArray());
        await server.ReceiveExactlyAsync(3);
        await client2.SendAllAsync("new"u8.ToArray());
        await server2.ReceiveExactlyAsync(3);
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(async () => (await pair.CountAsync()).Tunnels == 1);
        client2.Dispose();
        server2.Dispose();
    }

    [Fact]
    public async Task RotationUnderTrafficFailsNoRequest()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        using CancellationTokenSource stop = new(), stopEcho = new();
        int exchanged = 0;
        Task echo = EchoServer.RunAsync(listener, stopEcho.Token);
        Task<int>[] clients = [.. Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            int requests = 0;
            byte[] message = new byte[1000];
            while (!stop.IsCancellationRequested)
            {
                using Socket client = await pair.ConnectClientAsync();
                for (int r = 0; r < 5; r++, requests++)
                {
                    await client.SendAllAsync(message);
                    await client.ReceiveExactlyAsync(message.Length);
                    Interlocked.Increment(ref exchanged);
                }
            }

            return requests;
        }))];
        await SocketExtensions.EventuallyAsync(() => Volatile.Read(ref exchanged) > 0 || clients.Any(c => c.IsCompleted));
        for (int i = 0; i < 20; i++)
        {
            (int handshakes, int exchanges) = (pair.Source.Handshakes.Count, Volatile.Read(ref exchanged));
            if (i % 2 == 0) pair.RenewSource();
            else pair.RenewDestination();
            pair.SourceProxy.CertificatesChanged();
            pair.DestinationProxy.CertificatesChanged();

            // The next one comes when a tunnel was made since, and traffic goes on.
            await SocketExtensions.EventuallyAsync(() => (pair.Source.Handshakes.Count > handshakes && Volatile.Read(ref exchanged) > exchanges + 100) || clients.Any(c => c.IsCompleted));
        }

        await stop.CancelAsync();
        await Task.WhenAny(Task.WhenAll(clients));
        Assert.Empty(pair.Source.Failed);
        Assert.Empty(pair.Destination.Failed);
        Assert.All(await Task.WhenAll(clients), n => Assert.True(n > 0));
        Assert.All(pair.Source.Closed, c => Assert.Equal(ProxyFailure.None, c.End.Failure));
        Assert.InRange(pair.Source.Handshakes.Count, 21, 100);
        await stopEcho.CancelAsync();
        await echo;
    }
}
