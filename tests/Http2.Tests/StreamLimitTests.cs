using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>How many streams clients are told that they may have at once (RFC 9113, sections 5.1.2 and 6.5.3).</summary>
public sealed class StreamLimitTests
{
    [Fact]
    public void WhatIsSaidBeforeTheStartIsInTheFirstSettings()
    {
        var server = new Http2Connection(Http2Role.Server, new Http2Options { MaxConcurrentStreams = 10 }, new Recorder(), TimeProvider.System);
        server.AnnounceStreamLimit(7);
        server.Start();
        Assert.StartsWith("000300000007", Convert.ToHexStringLower(server.PeekOutput().Span[9..]), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsBeyondIsStillTakenUpToTheLimitOfThisSide()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxConcurrentStreams = 2 });
        server.Connection.AnnounceStreamLimit(1);
        Assert.Equal("000300000001", Convert.ToHexStringLower(Assert.Single(server.Output()).Payload));
        server.Send(new Wire().SettingsAck().Headers(1, false, Wire.Post).Headers(3, false, Wire.Post).Headers(5, false, Wire.Post));
        Assert.Equal("RST 5 RefusedStream", server.OutputText());
    }

    [Fact]
    public void ThereIsOneChangeAtATimeAndTheLastCounts()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { MaxConcurrentStreams = 10 });
        for (var i = 1; i < 10; i++) server.Connection.AnnounceStreamLimit(i);
        Assert.Equal("000300000001", Convert.ToHexStringLower(Assert.Single(server.Output()).Payload));
        server.Send(new Wire().SettingsAck());
        Assert.Equal("000300000009", Convert.ToHexStringLower(Assert.Single(server.Output()).Payload));
        server.Send(new Wire().SettingsAck());
        server.Connection.AnnounceStreamLimit(9);
        Assert.Empty(server.Output());
    }

    [Fact]
    public void AcknowledgementsAreOfChangesInTheirOrder()
    {
        var server = new Endpoint(Http2Role.Server, new Http2Options { StreamWindow = 1000, MaxConcurrentStreams = 10 });
        server.Recorder.AutoConsume = false;
        server.Send(new Wire().Headers(1, false, Wire.Post));
        server.Connection.AnnounceStreamLimit(1);
        server.Connection.ChangeStreamWindow(100);
        Assert.Equal(2, server.Output().Count);

        // The first is of the limit: the old window still counts.
        Assert.False(server.Send(new Wire().SettingsAck().Data(1, 900, false)).IsClosed);
        server.Send(new Wire().SettingsAck());
        Assert.Equal("", server.OutputText());
        server.Send(new Wire().Data(1, 101, false));
        Assert.Contains("RST 1 FlowControlError", server.OutputText(), StringComparison.Ordinal);
    }

    [Fact]
    public void AClientLimitsNothing()
    {
        var client = new Endpoint(Http2Role.Client);
        Assert.Throws<InvalidOperationException>(() => client.Connection.AnnounceStreamLimit(1));
    }
}
