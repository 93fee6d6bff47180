using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;
using Culvert.NodeAgent.Reasons;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

/// <summary>What a client is told whose datagrams the proxy refuses.</summary>
public sealed class UdpRefusalTests
{
    [Theory]
    [InlineData("127.89.0.2", "127.89.0.3")]
    [InlineData("::1", "::1")]
    public async Task WhereNoBackendIsEveryDatagramIsAnsweredAsByAClosedPort(string address, string service)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for a raw socket");
        await using UdpProxy proxy = new(transparent: true);
        proxy.Mesh.Route = _ => OutboundRoute.Deny(ProxyFailure.NoBackend, "the Service port has no backend");
        using Socket client = UdpProxy.Bind(address), kernel = UdpProxy.Bind(address);
        IPEndPoint destination = new(IPAddress.Parse(service), 53);
        client.Connect(destination);
        for (int i = 0; i < 3; i++)
        {
            kernel.SendTo(UdpProxy.Captured(client.LocalEndPoint!, destination, [1]), address.Contains(':', StringComparison.Ordinal) ? proxy.Entry6 : proxy.Entry);
            Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => client.Receive(new byte[16])).SocketErrorCode);
        }

        Assert.Equal(ProxyFailure.NoBackend, Assert.Single(proxy.Mesh.Failed).Failure);
        Assert.Equal(3, proxy.Mesh.Dropped.GetValueOrDefault(DatagramDrop.SessionRefused));
    }

    [Fact]
    public async Task WhatPolicyForbidsIsNotAnswered()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for a raw socket");
        await using UdpProxy proxy = new(transparent: true);
        using Socket client = UdpProxy.Bind("127.89.0.4"), other = UdpProxy.Bind("127.89.0.4"), kernel = UdpProxy.Bind("127.89.0.4");
        IPEndPoint forbidden = new(IPAddress.Parse("127.89.0.5"), 53), empty = new(IPAddress.Parse("127.89.0.5"), 54);
        proxy.Mesh.Route = destination => OutboundRoute.Deny(destination.Port == 53 ? ProxyFailure.PolicyDenied : ProxyFailure.NoBackend, "no");
        client.Connect(forbidden);
        other.Connect(empty);
        kernel.SendTo(UdpProxy.Captured(client.LocalEndPoint!, forbidden, [1]), proxy.Entry);

        // The loop has answered the first when the second's answer is there.
        kernel.SendTo(UdpProxy.Captured(other.LocalEndPoint!, empty, [1]), proxy.Entry);
        Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => other.Receive(new byte[16])).SocketErrorCode);
        Assert.Equal(0, (int)client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!);
    }

    [Fact]
    public void AnswersAreThoseOfTheTableOfReasons()
    {
        foreach (ProxyFailure failure in Enum.GetValues<ProxyFailure>())
            Assert.Equal(ReasonTable.Find(ReasonText.Kebab(failure.ToString()))?.Answer == ReasonAnswer.Unreachable, ProxyFailures.IsAnsweredUnreachable(failure));
        Assert.True(ProxyFailures.IsAnsweredUnreachable(ProxyFailure.NoBackend));
    }

    [Fact]
    public void OneSessionIsAnsweredSoOftenInASecondAndNotMore()
    {
        RefusalAnswers answers = new(null!, null!, default, backend: null);
        for (int i = 0; i < RefusalAnswers.MaxPerInterval; i++) Assert.True(answers.TryTake(now: 5 + i));
        Assert.False(answers.TryTake(5 + RefusalAnswers.IntervalMilliseconds - 1));
        for (int i = 0; i < RefusalAnswers.MaxPerInterval; i++) Assert.True(answers.TryTake(5 + RefusalAnswers.IntervalMilliseconds));
        Assert.False(answers.TryTake(5 + RefusalAnswers.IntervalMilliseconds));
    }
}
