using Culvert.Http2.Tests.Support;

namespace Culvert.Http2.Tests;

/// <summary>Start, settings, keep-alive, and the end of a connection.</summary>
public sealed class LifecycleTests
{
    [Fact]
    public void SettingsAreExchangedAndApplied()
    {
        var pair = new Pair(server: new Http2Options { MaxConcurrentStreams = 7, MaxFrameSize = 20_000, StreamWindow = 123, MaxHeaderListSize = 4000, HeaderTableSize = 0 });
        var client = pair.Client.Connection;
        Assert.True(client.PeerSettingsReceived);
        Assert.Equal((7, 20_000, 4000L), (client.PeerMaxConcurrentStreams, client.PeerMaxFrameSize, client.PeerMaxHeaderListSize));
        Assert.Equal(123, pair.Client.Open().SendWindow);
        Assert.Equal(16 << 20, client.SendWindow);
        pair.Pump();
        Assert.Equal(1, pair.Server.Connection.OpenStreams);
        Assert.Equal(pair.Server.Connection.BytesReceived, client.BytesSent);
    }

    [Fact]
    public void SettingsThatAreNotAcknowledgedTimeOut()
    {
        var server = new Endpoint(Http2Role.Server, handshake: false);
        server.Send(new Wire().Preface().Settings());
        server.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(server.Connection.CheckTimeouts().IsClosed);
        server.Time.Advance(TimeSpan.FromSeconds(1));
        var result = server.Connection.CheckTimeouts();
        Assert.Equal((Http2CloseReason.SettingsTimeout, Http2ErrorCode.SettingsTimeout), (result.Reason, result.Code));
        Assert.Contains("GOAWAY 0 SettingsTimeout", server.OutputText(), StringComparison.Ordinal);
    }

    [Fact]
    public void PingsAreAnswered()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Ping(7));
        var (head, payload) = Assert.Single(server.Output());
        Assert.Equal((6, 1), ((int)head.Type, (int)head.Flags));
        Assert.Equal([7, 7, 7, 7, 7, 7, 7, 7], payload);
        var pair = new Pair();
        pair.Client.Connection.Ping(0xabc);
        pair.Pump();
        Assert.Contains("pong abc", pair.Client.Recorder.Events);
    }

    [Fact]
    public void KeepAlive()
    {
        var client = new Endpoint(Http2Role.Client, new Http2Options { KeepAliveInterval = TimeSpan.FromSeconds(10), KeepAliveTimeout = TimeSpan.FromSeconds(20) });
        client.Connection.CheckTimeouts();
        for (var i = 0; i < 3; i++)
        {
            client.Time.Advance(TimeSpan.FromSeconds(10));
            client.Connection.CheckTimeouts();
            var ping = Assert.Single(client.Output());
            client.Send(new Wire().Frame(6, 1, 0, ping.Payload));
            client.Connection.CheckTimeouts();
        }

        Assert.Equal("settings", client.Recorder.Text);
        client.Time.Advance(TimeSpan.FromSeconds(10));
        client.Connection.CheckTimeouts();
        client.Time.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal(Http2CloseReason.KeepAliveTimeout, client.Connection.CheckTimeouts().Reason);
    }

    [Fact]
    public void StalledStreamIsResetWhenWanted()
    {
        var client = new Endpoint(Http2Role.Client, new Http2Options { WindowStallTimeout = TimeSpan.FromSeconds(30) });
        client.Send(new Wire().Settings((4, 5)));
        var stream = client.Open();
        client.Connection.SendData(stream, new byte[10], false, out _);
        client.Connection.CheckTimeouts();
        client.Time.Advance(TimeSpan.FromSeconds(29));
        client.Connection.CheckTimeouts();
        Assert.Equal(1, client.Connection.OpenStreams);
        client.Time.Advance(TimeSpan.FromSeconds(1));
        client.Connection.CheckTimeouts();
        Assert.Contains("1 reset EnhanceYourCalm", client.Recorder.Events);
        Assert.False(client.Connection.IsClosed);
    }

    [Fact]
    public void StalledConnectionIsClosedWhenWanted()
    {
        var client = new Endpoint(Http2Role.Client, new Http2Options { WindowStallTimeout = TimeSpan.FromSeconds(30) });
        client.Send(new Wire().Settings((4, 1 << 20)));
        client.Connection.SendData(client.Open(), new byte[100_000], false, out _);
        client.Connection.AdvanceOutput(client.Connection.PendingOutput);
        client.Connection.CheckTimeouts();
        client.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(Http2CloseReason.WindowStall, client.Connection.CheckTimeouts().Reason);
    }

    [Fact]
    public void GracefulShutdownOfAServer()
    {
        var pair = new Pair();
        var first = pair.Client.Open();
        pair.Pump();
        var second = pair.Client.Open();
        pair.Server.Connection.ShutdownGracefully();

        // The second request crosses the GOAWAY and is still served.
        pair.Pump();
        Assert.Equal(3, pair.Server.Connection.LastPeerStreamId);
        Assert.Equal("goaway 2147483647 NoError |goaway 3 NoError ", string.Join('|', pair.Client.Recorder.Events.Where(e => e.StartsWith("goaway", StringComparison.Ordinal))));
        Assert.False(pair.Client.Connection.CanOpenStream);
        Assert.Null(pair.Client.Connection.OpenStream(Endpoint.List(Wire.Get), true, null));
        Assert.True(pair.Server.Connection.IsDraining && !pair.Server.Connection.IsDrained);
        foreach (var stream in new[] { first, second })
        {
            pair.Client.Connection.CommitData(stream, 0, true);
            pair.Pump();
            pair.Server.Connection.SendHeaders(pair.Server.Recorder.Streams[stream.Id], Endpoint.List(Wire.Ok), true);
        }

        pair.Pump();
        Assert.True(pair.Server.Connection.IsDrained);
        Assert.True(pair.Client.Connection.IsDrained);
        Assert.False(pair.Server.Connection.IsClosed);
    }

    [Fact]
    public void GracefulShutdownDoesNotNeedThePeersAnswer()
    {
        var server = new Endpoint(Http2Role.Server);
        server.Send(new Wire().Headers(1, true, Wire.Get));
        server.Connection.ShutdownGracefully();
        server.Send(new Wire().Headers(3, true, Wire.Get));
        Assert.Equal("GOAWAY 2147483647 NoError\nPing", server.OutputText());
        server.Time.Advance(TimeSpan.FromSeconds(1));
        server.Connection.CheckTimeouts();
        Assert.Equal("GOAWAY 3 NoError", server.OutputText());
        Assert.False(server.Send(new Wire().Headers(5, false, Wire.Post).Data(5, 10, true)).IsClosed);
        Assert.Equal("", server.OutputText());
        Assert.False(server.Recorder.Streams.ContainsKey(5));
    }

    [Fact]
    public void GoAwayRefusesTheStreamsAboveIt()
    {
        var client = new Endpoint(Http2Role.Client);
        for (var i = 0; i < 4; i++) client.Open();
        client.Send(new Wire().GoAway(3, 2));
        Assert.Equal(["7 reset RefusedStream", "7 closed", "5 reset RefusedStream", "5 closed", "goaway 3 InternalError "], client.Recorder.Events.Skip(1));
        Assert.Equal(2, client.Connection.OpenStreams);
        client.Send(new Wire().Headers(1, true, Wire.Ok));
        Assert.Equal(Http2StreamState.HalfClosedRemote, client.Recorder.Streams[1].StreamState);
    }

    [Fact]
    public void ClientShutdown()
    {
        var pair = new Pair();
        var stream = pair.Client.Open(end: true);
        pair.Client.Connection.ShutdownGracefully();
        pair.Pump();
        Assert.Contains("goaway 0 NoError ", pair.Server.Recorder.Events);
        pair.Server.Connection.SendHeaders(pair.Server.Recorder.Streams[stream.Id], Endpoint.List(Wire.Ok), true);
        pair.Pump();
        Assert.True(pair.Client.Connection.IsDrained && pair.Server.Connection.IsDrained);
    }

    [Fact]
    public void GoAwayCarriesReasonAndText()
    {
        var pair = new Pair();
        pair.Server.Connection.GoAway(Http2ErrorCode.InadequateSecurity, "identity revoked");
        pair.Pump();
        Assert.Contains("goaway 0 InadequateSecurity identity revoked", pair.Client.Recorder.Events);
    }

    [Theory]
    [InlineData(nameof(Http2Options.ConnectionWindow), 65_534)]
    [InlineData(nameof(Http2Options.MaxFrameSize), 16_383)]
    [InlineData(nameof(Http2Options.StreamWindow), 0)]
    [InlineData(nameof(Http2Options.MaxStreamWindow), -1)]
    [InlineData(nameof(Http2Options.HeaderTableSize), 65_537)]
    public void OptionsAreChecked(string name, int value)
    {
        var options = name switch
        {
            nameof(Http2Options.ConnectionWindow) => new Http2Options { ConnectionWindow = value },
            nameof(Http2Options.MaxFrameSize) => new Http2Options { MaxFrameSize = value },
            nameof(Http2Options.StreamWindow) => new Http2Options { StreamWindow = value },
            nameof(Http2Options.MaxStreamWindow) => new Http2Options { MaxStreamWindow = value },
            _ => new Http2Options { HeaderTableSize = value },
        };
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new Http2Connection(Http2Role.Client, options, new Recorder(), TimeProvider.System));
        Assert.Contains($"Http2Options.{name} must be from", error.Message, StringComparison.Ordinal);
    }
}
