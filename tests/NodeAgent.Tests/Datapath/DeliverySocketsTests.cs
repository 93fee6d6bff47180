using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Datapath.Delivery;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>What comes to the port that probes are for.</summary>
public sealed class DeliverySocketsTests
{
    private static readonly TimeSpan Never = TimeSpan.FromSeconds(10);

    public DeliverySocketsTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for transparent sockets");

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void WhatHasComeBeforeATryIsTakenOut(string address)
    {
        using DeliverySockets sockets = new();
        using UdpClient others = Others(sockets, address);
        for (int i = 0; i < 50; i++) others.Send(new byte[DeliveryFrame.PayloadLength]);
        Assert.True(sockets.TryClear(others.Client.AddressFamily, Never));
        Assert.Null(sockets.Take(others.Client.AddressFamily, TimeSpan.Zero));

        others.Send(BitConverter.GetBytes(7ul));
        Assert.Equal(7ul, sockets.Take(others.Client.AddressFamily, Never));
    }

    [Fact]
    public async Task WhoSendsWithoutEndIsNotListenedToForEver()
    {
        using DeliverySockets sockets = new();
        using UdpClient others = Others(sockets, "127.0.0.1");
        using CancellationTokenSource stop = new();
        Task flood = Task.Factory.StartNew(Flood, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (sockets.Take(AddressFamily.InterNetwork, Never) is null) { }
        // Each time that it has found the socket empty it has done what is asked.
        bool cleared = true;
        for (int i = 0; i < 10_000 && cleared; i++) cleared = sockets.TryClear(AddressFamily.InterNetwork, TimeSpan.FromMicroseconds(1));
        await stop.CancelAsync();
        await flood;
        Assert.False(cleared);
        Assert.True(sockets.TryClear(AddressFamily.InterNetwork, Never));

        void Flood()
        {
            while (!stop.IsCancellationRequested) others.Send(new byte[DeliveryFrame.PayloadLength]);
        }
    }

    private static UdpClient Others(DeliverySockets sockets, string address)
    {
        IPEndPoint to = new(IPAddress.Parse(address), sockets.Ports.To);
        Assert.True(sockets.Listen(to.Address));
        UdpClient client = new(to.AddressFamily);
        client.Connect(to);
        return client;
    }
}
